#!/bin/bash
# Lays the downloaded jars out: assemble.sh JARS DOWNLOADS OUT
#   OUT/hadoop/lib  OUT/hadoop/webapps  OUT/hive/lib  OUT/hive/scripts  OUT/tez/lib  OUT/spark/{jars,lib,python}
# and beside each lib a jar without classes, whose manifest names the others in order: a class path of one entry, the same
# in every JVM, as the class archives (archive.sh) need it.
set -euo pipefail
shopt -s extglob nullglob
JARS=$1 DOWNLOADS=$2 OUT=$3

# hadoop-common-3.4.1.jar → hadoop-common
artifact() { basename "$1" .jar | sed -E 's/-[0-9][0-9A-Za-z.]*(-.*)?$//'; }

hadoop() {
  mkdir -p "$OUT/hadoop/lib"
  cp "$JARS"/hadoop/*.jar "$OUT/hadoop/lib/"
  cd "$OUT/hadoop/lib"
  rm -f ./*osx* ./*windows* ./*kqueue* mssql-jdbc* netty-all* jsonschema2pojo* codemodel* animal-sniffer* \
    netty-transport-@(rxtx|sctp|udt)-* netty-codec-@(haproxy|memcache|mqtt|redis|smtp|stomp|xml)-*
  # HDFS's web pages are in no jar but that of its tests.
  cd ..
  unzip -q "$DOWNLOADS"/hadoop-hdfs-*-tests.jar 'webapps/*'
}

# Hive's jars but for those that Hadoop has; of a few Hive wants its own, newer ones.
hive() {
  local jar name own='^(jackson-.*|avro|commons-cli)$'
  local unwanted='^(ant|ant-launcher|netty.*|apache-jsp|apache-jstl|atlas-.*|hive-llap-common-.*-tests|groovy-all|jsp.*|mssql.*)$'
  mkdir -p "$OUT/hive/lib" "$OUT/hive/scripts"
  for jar in "$JARS"/hive/*.jar; do
    name=$(artifact "$jar")
    if [[ $name =~ $unwanted ]]; then continue; fi
    if [[ ! $name =~ $own ]] && compgen -G "$OUT/hadoop/lib/$name-[0-9]*.jar" >/dev/null; then continue; fi
    cp "$jar" "$OUT/hive/lib/"
  done
  # The metastore's tables as SQL, in the form that its schema tool reads.
  tar -xzf "$DOWNLOADS"/hive-standalone-metastore-server-*-bin.tar.gz -C "$OUT/hive/scripts" --strip-components=2 --wildcards \
    '*/scripts/metastore/upgrade/postgres/hive-schema-4.0.0.postgres.sql' '*/scripts/metastore/upgrade/postgres/upgrade.order.postgres' \
    '*/scripts/metastore/upgrade/derby/hive-schema-4.0.0.derby.sql'
}

tez() {
  local jar name wanted='^(tez-.*|hadoop-shim|RoaringBitmap|shims|async-http-client.*|netty-reactive-streams|commons-collections4)$'
  mkdir -p "$OUT/tez/lib"
  for jar in "$JARS"/tez/*.jar; do
    name=$(artifact "$jar")
    if [[ $name =~ $wanted ]]; then cp "$jar" "$OUT/tez/lib/"; fi
  done
}

# Spark's own jars with Hadoop's client of our version, S3A, and without what runs it elsewhere than on YARN.
spark() {
  local source jar
  source=$(echo "$DOWNLOADS"/pyspark-*/)
  mkdir -p "$OUT/spark/lib" "$OUT/spark/python/lib"
  cp "$source"/deps/jars/*.jar "$OUT/spark/lib/"
  cp -r "$source/deps/bin" "$source/deps/sbin" "$OUT/spark/"
  cp -r "$source/pyspark" "$OUT/spark/python/"
  cp "$source"/lib/*.zip "$OUT/spark/python/lib/"
  find "$OUT/spark" \( -name '*.cmd' -o -type d -name tests \) -prune -exec rm -rf {} +
  cd "$OUT/spark/lib"
  rm -f hadoop-client-* hadoop-yarn-server-web-proxy-* hadoop-shaded-guava-* kubernetes-* mesos-* spark-kubernetes* spark-mesos* \
    okhttp-* okio-* hive-metastore-* ./*osx* ./*windows*
  cp "$JARS"/spark/*.jar .
  for jar in hadoop-aws hadoop-yarn-server-web-proxy hadoop-shaded-guava eventstream reactive-streams; do
    cp "$OUT"/hadoop/lib/$jar-[0-9]*.jar .
  done
  cp "$OUT"/hadoop/lib/*-"${AWSSDK_VERSION:?}".jar .
}

# Native libraries for other systems than this one.
only_this_platform() {
  local other=aarch64
  [ "$(uname -m)" != aarch64 ] || other=linux64
  zip -qd "$OUT"/spark/lib/rocksdbjni-*.jar '*.dll' '*.jnilib' '*ppc64*' '*s390x*' '*riscv64*' '*linux32*' '*musl*' "*$other*" || [ $? = 12 ]
}

# class_path_jar JAR FOLDER…: names all jars of the folders, sorted; lines of a manifest have 72 bytes at most.
class_path_jar() {
  local jar=$1 folder entries=''
  shift
  for folder in "$@"; do
    entries+=$(cd "$(dirname "$jar")" && printf '%s ' "$folder"/*.jar)
  done
  local work
  work=$(mktemp -d)
  mkdir "$work/META-INF"
  python3 - "$work/META-INF/MANIFEST.MF" "$entries" <<'PY'
import sys
path, entries = sys.argv[1:]
line = f"Class-Path: {entries.strip()}"
lines = [line[:70], *(" " + line[at : at + 69] for at in range(70, len(line), 69))]
open(path, "w").write("\n".join(["Manifest-Version: 1.0", *lines]) + "\n\n")
PY
  (cd "$work" && zip -qr "$jar" META-INF)
  rm -rf "$work"
}

(hadoop)
(hive)
(tez)
(spark)
only_this_platform
class_path_jar "$OUT/hadoop/hadoop.jar" lib
class_path_jar "$OUT/hive/hive.jar" lib ../tez/lib ../hadoop/lib
mkdir -p "$OUT/spark/jars"
class_path_jar "$OUT/spark/jars/spark.jar" ../lib
