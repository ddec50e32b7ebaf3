"""Writing tables of the Hive warehouse from Spark, seen whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession


def publish(frame: DataFrame, table: str) -> None:
    """Write the frame as Hive table `database.table` in one Parquet file, in place of what was there.

    The files are written beside the table's folder and then moved into it: a run that is killed leaves the former
    table or none, and can be run again. A table whose columns did not change keeps its entry in the metastore.
    """
    spark = frame.sparkSession
    database, name = table.split(".")
    target = f"{spark.catalog.getDatabase(database).locationUri}/{name}"
    replace_folder(spark, target, lambda uri: frame.coalesce(1).write.mode("overwrite").parquet(uri))
    wanted = [(field.name, field.dataType.simpleString()) for field in frame.schema]
    if spark.catalog.tableExists(table):
        if [(column.name, column.dataType) for column in spark.catalog.listColumns(table)] == wanted:
            spark.catalog.refreshTable(table)
            return
        spark.sql(f"DROP TABLE {table}")
    columns = ", ".join(f"`{column}` {kind}" for column, kind in wanted)
    # External, so that the folder is ours alone to replace: dropping the entry would delete a managed table's files.
    spark.sql(f"CREATE EXTERNAL TABLE {table} ({columns}) STORED AS PARQUET LOCATION '{target}'")


def replace_folder(spark: SparkSession, uri: str, write: Callable[[str], None]) -> None:
    """Call `write` with an address beside the folder, then put the result in the folder's place."""
    jvm, context = spark._jvm, spark._jsc
    assert jvm is not None  # only a session that was stopped has none
    hadoop = jvm.org.apache.hadoop.fs
    target = hadoop.Path(uri.rstrip("/"))
    beside = hadoop.Path(target.getParent(), f"_{target.getName()}.new")
    write(beside.toString())
    files = target.getFileSystem(context.hadoopConfiguration())
    files.delete(target, True)
    if not files.rename(beside, target):
        raise OSError(f"could not move {beside.toString()} to {target.toString()}")
