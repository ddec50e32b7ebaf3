# Hive's servers. Sourced by bin/role.
METASTORE=org.apache.hadoop.hive.metastore
export METASTORE_HOME=/opt/hive HIVE_CONF_DIR=/etc/hive/conf

# The metastore's tables are made once. `-info` fails on an empty database; a half-made one is refused by `-initSchema`
# with the reason, as it may hold somebody's tables.
metastore() {
  [ -n "${METASTORE_KIND:-}" ] || wait_for 120 "no Postgres" port_open postgres 5432
  schema_tool -info >/dev/null 2>&1 || schema_tool -initSchema || exit 1
  java_server hive 224 -Dproc_metastore $METASTORE.HiveMetaStore -p 9083
}

schema_tool() { java_client hive $METASTORE.tools.schematool.MetastoreSchemaTool -dbType "${METASTORE_KIND:-postgres}" "$@"; }

hiveserver2() {
  wait_for 120 "no metastore" port_open "${METASTORE_HOST:-metastore}" 9083
  wait_for_hdfs
  rm -rf /tmp/hive-local /tmp/hive-resources /tmp/hive-operations
  # Queries need four times the memory of a server at rest. After a minute without a collection G1 makes a full one, which
  # takes a third of a second and gives back what it frees; the serial collector would keep it for good.
  JVM_OPTIONS="-XX:MaxMetaspaceSize=320m -XX:ReservedCodeCacheSize=128m -XX:-UseSerialGC -XX:+UseG1GC -XX:G1HeapRegionSize=1m \
    -XX:ConcGCThreads=1 -XX:G1PeriodicGCInterval=60000 -XX:-G1PeriodicGCInvokesConcurrent ${JVM_OPTIONS:-}" \
    java_server hive 640 -Dproc_hiveserver2 org.apache.hive.service.server.HiveServer2
}
