# Waiting for other servers: a container that is restarted by itself cannot count on Compose's order. Sourced.

# wait_for SECONDS WHAT COMMAND…: until the command succeeds; ends the process with one line when it never does.
wait_for() {
  local seconds=$1 what=$2 start=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS - start >= seconds)); then
      echo "${ROLE:-role}: $what after $seconds s" >&2
      exit 1
    fi
    sleep 0.3
  done
}

port_open() { (exec 3<>"/dev/tcp/$1/$2"); }

NAMENODE_WEB=http://${NAMENODE_HOST:-namenode}:9870

# HDFS takes writes: out of safe mode, with a datanode, and with the folders that lib/hdfs.sh makes.
hdfs_ready() {
  curl -sf -m 5 "$NAMENODE_WEB/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" | tr -d ' \n' |
    grep -q '"FSState":"Operational".*"NumLiveDataNodes":[1-9]' && curl -sf -m 5 -o /dev/null "$NAMENODE_WEB/webhdfs/v1/var/log/spark/apps?op=GETFILESTATUS"
}

wait_for_hdfs() { wait_for 180 "HDFS takes no writes" hdfs_ready; }
