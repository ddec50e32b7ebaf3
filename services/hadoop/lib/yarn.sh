# YARN's servers. Sourced by bin/role.
YARN=org.apache.hadoop.yarn.server

resourcemanager() { java_server hadoop 192 -Dproc_resourcemanager $YARN.resourcemanager.ResourceManager; }

nodemanager() {
  # What containers left of an earlier life; jobs that ran then are lost with their node anyway.
  rm -rf /var/lib/hadoop/yarn/*
  wait_for 120 "no resourcemanager" port_open "${RESOURCEMANAGER_HOST:-resourcemanager}" 8031
  java_server hadoop 160 -Dproc_nodemanager $YARN.nodemanager.NodeManager
}
