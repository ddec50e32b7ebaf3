#!/bin/bash
# A container of the image: role.sh broker|controller NODE, or role.sh connect. Becomes the server.
set -euo pipefail
KAFKA=/opt/kafka
CONF=${KAFKA_CONF:-$KAFKA/conf}
CLASSPATH=$(printf '%s:' $KAFKA/libs/*.jar)  # sorted: the class archives hold for this order alone
JVM=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxMetaspaceSize=128m -XX:ReservedCodeCacheSize=64m -Xss512k -XX:+ExitOnOutOfMemoryError
  -Dlog4j2.configurationFile=$KAFKA/conf/log4j2.yaml -Djava.awt.headless=true)

# jvm ARCHIVE HEAP CLASS ARGUMENT…: LAB_RECORD_ARCHIVE is set while the image is built (build/archive.sh).
jvm() {
  local archive=$KAFKA/archives/$1.jsa options=(-Xms32m "-Xmx$2")
  shift 2
  if [ -n "${LAB_RECORD_ARCHIVE:-}" ]; then
    options+=("-XX:ArchiveClassesAtExit=$LAB_RECORD_ARCHIVE")
  elif [ -f "$archive" ]; then
    options+=("-XX:SharedArchiveFile=$archive")
  fi
  exec java "${JVM[@]}" "${options[@]}" -cp "$CLASSPATH" "$@"
}

# server ROLES NODE HEAP LINE…: writes the properties, prepares an empty disk, becomes Kafka.
server() {
  local roles=$1 node=$2 heap=$3 properties=/tmp/server.properties
  shift 3
  {
    cat $CONF/server.properties
    printf '%s\n' "process.roles=$roles" "node.id=$node" "$@"
  } >$properties
  # An interrupted first start leaves no meta.properties, and is begun again.
  if [ ! -f /var/lib/kafka/data/meta.properties ]; then
    (LAB_RECORD_ARCHIVE='' jvm server 96m kafka.tools.StorageTool format --cluster-id bGFrZWxhYi1sYWtlbGFiMQ \
      --config $properties >/dev/null)
  fi
  jvm server "$heap" kafka.Kafka $properties
}

case ${1:?role: which one?} in
  broker)
    server broker,controller "${2:?node}" "${HEAP:-192m}" inter.broker.listener.name=INSIDE \
      "listeners=INSIDE://:9092,CONTROLLER://:9093,HOST://:9094" \
      "advertised.listeners=INSIDE://$HOSTNAME:9092,HOST://${HOST_ADDRESS:?address of the listener for the host}"
    ;;
  controller)
    server controller "${2:?node}" "${HEAP:-64m}" listeners=CONTROLLER://:9093
    ;;
  connect)
    {
      cat $CONF/connect.properties
      echo "bootstrap.servers=${BOOTSTRAP:?addresses of the brokers}"
    } >/tmp/connect.properties
    jvm connect "${HEAP:-320m}" -Xms160m -XX:NewSize=96m org.apache.kafka.connect.cli.ConnectDistributed /tmp/connect.properties
    ;;
  *) exec "$@" ;;
esac
