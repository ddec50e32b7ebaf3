"""The lake: tables of what the ERP is now and was, in Hive, kept by the changes in Kafka."""
