# What every launcher and role needs to know of the image. Sourced.
# Who comes into the primary node by `docker compose exec` is root there, and goes on as hadoop.
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid hadoop --regid hadoop --clear-groups env HOME=/home/hadoop "$0" "$@"
fi
export JAVA_HOME=${JAVA_HOME:-/opt/java}
LAB=/opt/lab
# A step of a cluster with configurations of its own has folders of its own.
HADOOP_CONF=${HADOOP_CONF_DIR:-/etc/hadoop/conf} HIVE_CONF=${HIVE_CONF_DIR:-/etc/hive/conf} SPARK_CONF=${SPARK_CONF_DIR:-/etc/spark/conf}

# options_of CLASSES KIND: the JVM's options for a class path and a kind (server, client); the class archive where made.
options_of() {
  echo "@$LAB/jvm/$2"
  case $1 in
    hive) echo "-Dlog4j2.configurationFile=file:$HIVE_CONF/hive-log4j2.properties" ;;
    spark) echo "-Dlog4j2.configurationFile=file:$SPARK_CONF/log4j2.properties" ;;
  esac
  if [ -n "${LAB_CLASS_LIST:-}" ]; then
    echo "-XX:DumpLoadedClassList=$LAB_CLASS_LIST/$1-$$.classes"
  elif [ -f "/opt/$1/$1.jsa" ]; then
    echo "-XX:SharedArchiveFile=/opt/$1/$1.jsa"
  fi
}

# The configuration comes last: the class archives hold for a class path that begins with these jars.
class_path() {
  case $1 in
    hadoop) echo "/opt/hadoop/hadoop.jar:/opt/hadoop:$HADOOP_CONF" ;;
    sqoop) echo "$(class_path hadoop):/opt/sqoop/lib/*" ;;
    hive) echo "/opt/hive/hive.jar:$HIVE_CONF:$HADOOP_CONF" ;;
    spark) echo "/opt/spark/jars/spark.jar:$SPARK_CONF:$HADOOP_CONF" ;;
  esac
}

# java_server CLASSES HEAP_MB MAIN_CLASS [ARGUMENT…], in place of this shell: signals reach the server itself.
java_server() {
  local classes=$1 heap=${HEAP_MB:-$2}
  shift 2
  # shellcheck disable=SC2046
  exec "$JAVA_HOME/bin/java" $(options_of "$classes" server) -Xmx"${heap}m" ${JVM_OPTIONS:-} -cp "$(class_path "$classes")" "$@"
}

# java_client CLASSES MAIN_CLASS [ARGUMENT…]: a command.
java_client() {
  local classes=$1
  shift
  # shellcheck disable=SC2046
  "$JAVA_HOME/bin/java" $(options_of "$classes" client) -Xmx"${HADOOP_CLIENT_HEAP_MB:-384}m" \
    -Dhadoop.root.logger="${HADOOP_LOG:-WARN},console" ${HADOOP_CLIENT_OPTS:-} -cp "$(class_path "$classes")" "$@"
}
