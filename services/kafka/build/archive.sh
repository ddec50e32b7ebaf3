#!/bin/bash
# Class archives (AppCDS): archive.sh OUT makes OUT/{server,connect}.jsa, with which a JVM starts in half the processor
# time. A broker and a Connect worker are started once, in this one place, and write down what they loaded when they end.
# https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
set -euo pipefail
OUT=$1
mkdir -p "$OUT"
export HOSTNAME=localhost HOST_ADDRESS=localhost:9094 BOOTSTRAP=localhost:9092

# A lone voter, and one replica of everything.
export KAFKA_CONF=/tmp/conf
cp -r /opt/kafka/conf $KAFKA_CONF
sed -e 's/^controller.quorum.voters=.*/controller.quorum.voters=1@localhost:9093/' -e 's/factor=2/factor=1/' -i $KAFKA_CONF/*.properties

# start ARCHIVE CHECK ROLE…: the check is one of healthy.sh's.
start() {
  LAB_RECORD_ARCHIVE=$OUT/$1.jsa role.sh "${@:3}" >"/tmp/$1.log" 2>&1 &
  local waited=0
  until healthy.sh --once $2 >/dev/null 2>&1; do
    waited=$((waited + 1))
    if [ $waited -gt 300 ] || ! kill -0 $! 2>/dev/null; then
      tail -30 "/tmp/$1.log" >&2
      exit 1
    fi
    sleep 1
  done
  echo "archive: $1 answered after $waited s"
}

end() {
  kill "$1"
  wait "$1" || true
}

start server 'speaks-kafka 9092' broker 1
server=$!
start connect 'page 8083 /health' connect
end $!
end $server
for archive in server connect; do
  [ -s "$OUT/$archive.jsa" ] || { tail -30 "/tmp/$archive.log" >&2; exit 1; }
  echo "archive: $archive, $(($(stat -c %s "$OUT/$archive.jsa") >> 20)) MB"
done
