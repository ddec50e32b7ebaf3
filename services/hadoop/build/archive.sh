#!/bin/bash
# Class archives (AppCDS): archive.sh OUT makes OUT/{hadoop,hive,spark}.jsa.
# Every server and client is started once, in this one place, and does a little of each kind of work; the JVMs note which
# classes they load, and from those lists the archives are made, with which a JVM starts in half the processor time.
# https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
set -euo pipefail
OUT=$1
LISTS=/tmp/classes
export LAB_CLASS_LIST=$LISTS  # read by lib/environment.sh
export NAMENODE_HOST=localhost RESOURCEMANAGER_HOST=localhost METASTORE_HOST=localhost HIVESERVER2_HOST=localhost
# No Postgres and no S3 here: Derby holds the metastore's tables, and whoever asks for S3 is soon refused.
export METASTORE_KIND=derby METASTORE_URL='jdbc:derby:/tmp/metastore;create=true' METASTORE_DRIVER=org.apache.derby.jdbc.EmbeddedDriver
export METASTORE_USER=APP METASTORE_PASSWORD=build AWS_ACCESS_KEY_ID=build AWS_SECRET_ACCESS_KEY=build S3_ENDPOINT=http://localhost:9
S3_IN_VAIN='fs.s3a.attempts.maximum=0 fs.s3a.retry.limit=0 fs.s3a.connection.timeout=2000'

start() {
  echo "archive: starting $1"
  role "$1" >"/tmp/$1.log" 2>&1 &
  local waited=0
  until well "$1" >/dev/null 2>&1; do
    waited=$((waited + 1))
    if [ $waited -gt 300 ] || ! kill -0 $! 2>/dev/null; then
      tail -30 "/tmp/$1.log" >&2
      exit 1
    fi
    sleep 1
  done
}

hadoop_work() {
  local options=()
  for option in $S3_IN_VAIN; do options+=(-D "$option"); done
  echo text >/tmp/text
  hdfs dfs -put /tmp/text /tmp/text
  hdfs dfs -cat /tmp/text
  hdfs dfs -ls -R /tmp
  hadoop fs "${options[@]}" -ls s3://bucket/ || true
  yarn node -list
}

hive_work() {
  beeline -u jdbc:hive2://localhost:10000/default -n hadoop --silent=true -e "
    CREATE TABLE numbers (n int, t string);
    INSERT INTO numbers VALUES (1, 'a'), (2, 'b');
    CREATE EXTERNAL TABLE texts (n string, t string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
      STORED AS TEXTFILE LOCATION 'hdfs:///tmp/texts';
    CREATE VIEW typed AS SELECT CAST(n AS int) AS n, IF(t = '', NULL, replace(t, 'a', 'b')) AS t FROM texts;
    SELECT l.t, count(*), round(avg(l.n), 1), md5(max(l.t)), row_number() OVER (ORDER BY l.t)
      FROM numbers l LEFT JOIN typed r ON l.n = r.n GROUP BY l.t ORDER BY 1;
    CREATE TABLE columns_of STORED AS PARQUET AS SELECT * FROM numbers;
    SELECT * FROM columns_of UNION ALL SELECT * FROM typed;
    DROP VIEW typed; DROP TABLE texts; DROP TABLE numbers; DROP TABLE columns_of;"
}

spark_work() {
  cat >/tmp/work.py <<'PY'
from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.appName("class archive").enableHiveSupport().getOrCreate()
frame = spark.range(1000).selectExpr("id", "id % 7 as g", "cast(id as string) as s", "cast(id as decimal(4,1)) as d")
target = "hdfs:///tmp/class-archive"
frame.write.mode("overwrite").parquet(target + "/parquet")
frame.write.mode("overwrite").csv(target + "/csv")
text = spark.read.csv(target + "/csv", schema="id int, g int, s string, d decimal(4,1)")
spark.read.parquet(target + "/parquet").join(text.select("id"), "id").groupBy("g").count().collect()
frame.createOrReplaceTempView("t")
spark.sql("select g, avg(d), md5(max(s)), row_number() over (order by g) from t group by g").collect()
frame.groupBy("g").agg(F.collect_list("s")).write.mode("overwrite").saveAsTable("grouped")
spark.sql("select * from grouped").collect()
spark.sql("drop table grouped")
try:
    spark.read.text("s3://bucket/key").collect()
except Exception as error:
    print(str(error)[:80])
PY
  local conf=() list="-Xshare:off -XX:DumpLoadedClassList=$LISTS"
  for option in $S3_IN_VAIN; do conf+=(--conf "spark.hadoop.$option"); done
  spark-submit "${conf[@]}" --conf spark.executor.extraJavaOptions="$list/spark-executor.classes" \
    --conf spark.yarn.am.extraJavaOptions="$list/spark-master.classes" \
    --driver-java-options "$list/spark-driver.classes" /tmp/work.py
}

# archive CLASSES JAR: the union of what the JVMs of that class path noted. Classes of other loaders, which have a `source:`,
# cannot be told apart across JVMs and are left out.
archive() {
  local lists=("$LISTS/$1"-*.classes)
  grep -hv -e '^#' -e ' source: ' "${lists[@]}" | sed -E 's/ id: [0-9]+.*$//' | sort -u >"/tmp/$1.classes"
  java -Xshare:dump -XX:SharedClassListFile="/tmp/$1.classes" -XX:SharedArchiveFile="$OUT/$1.jsa" -XX:+UseSerialGC -cp "$2" \
    >"/tmp/$1-dump.log" 2>&1 || { tail -20 "/tmp/$1-dump.log" >&2; exit 1; }
  echo "archive: $1, $(wc -l <"/tmp/$1.classes") classes, $(($(stat -c %s "$OUT/$1.jsa") >> 20)) MB"
}

mkdir -p "$LISTS" "$OUT"
start namenode
start datanode
start resourcemanager
start nodemanager
hadoop_work >/tmp/hadoop.log 2>&1 || { tail -20 /tmp/hadoop.log >&2; exit 1; }
start metastore
start hiveserver2
hive_work >/tmp/hive.log 2>&1 || { tail -30 /tmp/hive.log >&2; exit 1; }
spark_work >/tmp/spark.log 2>&1 || { tail -30 /tmp/spark.log >&2; exit 1; }
start sparkhistory
kill $(jobs -p)
wait
unset LAB_CLASS_LIST
archive hadoop /opt/hadoop/hadoop.jar
archive hive /opt/hive/hive.jar
archive spark /opt/spark/jars/spark.jar
