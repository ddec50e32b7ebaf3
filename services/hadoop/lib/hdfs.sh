# HDFS's servers. Sourced by bin/role.
HDFS=org.apache.hadoop.hdfs.server

namenode() {
  mkdir -p /var/lib/hadoop/name
  # Formatted once; a folder without `current` is what a first start left that was killed.
  if [ ! -d /var/lib/hadoop/name/current ]; then
    rm -rf /var/lib/hadoop/name/*
    (java_server hadoop 96 $HDFS.namenode.NameNode -format -force -nonInteractive -clusterid lakelab) ||
      { rm -rf /var/lib/hadoop/name/*; exit 1; }
  fi
  make_folders &
  java_server hadoop 160 -Dproc_namenode $HDFS.namenode.NameNode
}

# The folders that servers and jobs expect, by WebHDFS as soon as the namenode takes writes.
make_folders() {
  local self=http://localhost:9870
  operational() { curl -sf -m 5 "$self/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" | tr -d ' ' | grep -q '"FSState":"Operational"'; }
  wait_for 600 "the namenode stays in safe mode: are its datanodes there?" operational
  local entry path mode
  for entry in /tmp=1777 /tmp/hive=1777 /user=755 /user/hive/warehouse=1777 /user/hadoop=755 /var/log/hadoop-yarn/apps=1777 \
    /var/log/spark/apps=1777; do
    path=${entry%=*} mode=${entry#*=}
    curl -sf -m 10 -o /dev/null -X PUT "$self/webhdfs/v1$path?op=MKDIRS&permission=$mode&user.name=hadoop" ||
      echo "namenode: cannot make $path" >&2
  done
}

# Several datanodes (`--scale datanode=2`) share one volume: each takes the first folder that none holds, and keeps the
# lock as long as it lives, so that its blocks are found again whatever the container is called.
datanode() {
  local number=1
  mkdir -p /var/lib/hadoop/data
  while :; do
    exec 9>"/var/lib/hadoop/data/$number.lock"
    if flock -n 9; then break; fi
    number=$((number + 1))
  done
  export DATANODE_FOLDER=/var/lib/hadoop/data/$number
  mkdir -p "$DATANODE_FOLDER"
  chmod 700 "$DATANODE_FOLDER"
  configure
  wait_for 120 "no namenode" port_open "${NAMENODE_HOST:-namenode}" 8020
  java_server hadoop 128 -Dproc_datanode $HDFS.datanode.DataNode
}
