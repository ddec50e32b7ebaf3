# Spark's history server, and the container in which EMR's steps run. Sourced by bin/role.
sparkhistory() {
  wait_for_hdfs
  export SPARK_DAEMON_MEMORY=${HEAP_MB:-256}m SPARK_DAEMON_CLASSPATH=/opt/spark/jars/spark.jar SPARK_DAEMON_JAVA_OPTS=@/opt/lab/jvm/spark
  exec /opt/spark/bin/spark-class org.apache.spark.deploy.history.HistoryServer
}

master() {
  wait_for_hdfs
  cd /var/lib/emr
  exec python3 -m services.aws.emr.node /var/lib/emr
}
