# What every launcher and role needs to know of the image. Sourced.
export JAVA_HOME=${JAVA_HOME:-/opt/java}
LAB=/opt/lab

# options_of CLASSES KIND: the JVM's options for a class path and a kind (server, client); the class archive where made.
options_of() {
  echo "@$LAB/jvm/$2"
  case $1 in
    hive) echo "-Dlog4j2.configurationFile=file:/etc/hive/conf/hive-log4j2.properties" ;;
    spark) echo "-Dlog4j2.configurationFile=file:/etc/spark/conf/log4j2.properties" ;;
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
    hadoop) echo "/opt/hadoop/hadoop.jar:/opt/hadoop:/etc/hadoop/conf" ;;
    hive) echo "/opt/hive/hive.jar:/etc/hive/conf:/etc/hadoop/conf" ;;
    spark) echo "/opt/spark/jars/spark.jar:/etc/spark/conf:/etc/hadoop/conf" ;;
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
