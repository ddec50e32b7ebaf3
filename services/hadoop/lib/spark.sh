# Spark's history server, and the container in which EMR's steps run. Sourced by bin/role.
sparkhistory() {
  wait_for_hdfs
  # As a daemon of Spark itself it would read this file by its launcher.
  java_server spark 256 -Dproc_sparkhistory org.apache.spark.deploy.history.HistoryServer --properties-file /etc/spark/conf/spark-defaults.conf
}

master() {
  wait_for_hdfs
  cd /var/lib/emr
  chmod 1777 /var/lib/hadoop/tmp  # where Hadoop's clients, which run as many users, keep what they are writing
  exec python3 -m services.aws.emr.node /var/lib/emr --users "$STEP_USERS"
}
