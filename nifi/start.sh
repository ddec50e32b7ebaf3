#!/bin/sh
# Completes the properties with what the environment says, and becomes NiFi.
#   NIFI_ADDRESSES: host:port,… by which browsers come;  NIFI_SENSITIVE_KEY: secret of the secrets in the flow
set -eu
: "${NIFI_ADDRESSES:?}" "${NIFI_SENSITIVE_KEY:?}"
umask 077
properties=/tmp/nifi.properties
cat conf/nifi.properties >$properties
printf '%s\n' "nifi.web.proxy.host=$NIFI_ADDRESSES" "nifi.sensitive.props.key=$NIFI_SENSITIVE_KEY" >>$properties
unset NIFI_SENSITIVE_KEY
# One class loader for the start; the parts of NiFi have their own. 52020: health, for this container alone.
# parallelism: NiFi makes processors in Python on virtual threads that hold a lock and keep their carrier; with as many
# carriers as cores, all may be held by those that wait, and NiFi stands still (NIFI-15698).
exec java -cp "conf:lib/*" -Xms192m -Xmx"${NIFI_HEAP:-512m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxMetaspaceSize=256m \
  -XX:ReservedCodeCacheSize=96m -Xss512k -XX:+ExitOnOutOfMemoryError \
  -Dnifi.properties.file.path=$properties -Dorg.apache.nifi.bootstrap.config.log.dir=./logs \
  -Dorg.apache.nifi.management.server.address=127.0.0.1:52020 -Djava.awt.headless=true \
  -Djdk.virtualThreadScheduler.parallelism=32 \
  -Dsun.net.http.allowRestrictedHeaders=true org.apache.nifi.NiFi
