"""Moving averages of shares, kept while their quotes come in: Kafka, Spark Structured Streaming, tables of Hive.

    spark-submit --deploy-mode cluster --jars <Spark's connector for Kafka> s3://<bucket>/spark/quotes_averages.py \
        --brokers kafka-1:9092,kafka-2:9092 --lake hdfs:///lake/market [--window 60 --slide 10 --late 60] \
        [--kafka security.protocol=SASL_SSL --kafka sasl.mechanism=SCRAM-SHA-512 …]

Two tables, which hive/market/1_tables.hql makes:

* `averages`: of each symbol and each window (`--window` seconds long, one begins every `--slide` seconds) the number
  of trades, their volume, lowest, highest and average price, and the average weighted by volume.
* `aside`: each message that is in no window, whole, with the reason: `late` (it came to Kafka more than `--late`
  seconds after its trade), `early` (more than a minute before it, by a clock that is wrong), `unreadable`.

Every message of the topic is in the windows of its time or in `aside`. Which, is said by the message alone: by the time
of the trade and the time at which Kafka was given it, not by how far the stream has come. So both tables are a function
of the topic: a stream that was killed, that caught up after hours, or that began anew without its checkpoint, has the
same rows. Spark's watermark only tells when a window's state may be forgotten, and comes later than any message that
counts. ("Handling Late Data and Watermarking":
https://spark.apache.org/docs/3.5.6/structured-streaming-programming-guide.html)

A batch is written by key, beside what is there, and then takes its place hour by hour, each at once: one that is
written twice changes nothing. Offsets and state are in `<lake>/checkpoint`. This file needs nothing but PySpark.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections import deque
from collections.abc import Sequence
from urllib.parse import urlsplit

from pyspark.errors import StreamingQueryException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

QUOTE = "symbol string, price decimal(18,6), volume bigint, event_time string"
ZONED = r"[0-9](Z|[+-][0-9]{2}:?[0-9]{2})$"  # a time without its zone is nobody's
LATE, EARLY, UNREADABLE = "late", "early", "unreadable"
AHEAD = 60  # seconds that a clock may be fast: one trade of the year 2099 would end every window of today
SLACK = 60  # seconds that a message may lie in a producer before Kafka has it, so that others overtake it
AVERAGES = (
    "symbol", "window_start", "window_end", "trades", "volume", "low", "high", "average", "weighted", "hour",
)  # fmt: skip
ASIDE = (
    "kafka_partition", "kafka_offset", "arrived", "reason", "symbol", "event_time", "value", "hour",
)  # fmt: skip
GRACE = 300.0  # seconds that a former folder stays: longer than a query takes
REPORT = 60.0
RARER = 4  # batches of averages to one of what was set aside, which nobody waits for


def read_quotes(messages: DataFrame, late: int) -> DataFrame:
    """The columns of `aside`, price and volume; `reason` is null for a quote that counts.

    messages: value, partition, offset and timestamp, as Spark's Kafka source has them. late: seconds.
    """
    text = F.col("value").cast("string")
    read = messages.select(
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("arrived"),
        text.alias("value"),
        F.from_json(text, QUOTE).alias("quote"),
    )
    zoned = F.when(F.col("quote.event_time").rlike(ZONED), F.col("quote.event_time").cast("timestamp"))
    place = ("kafka_partition", "kafka_offset", "arrived", "value")
    quotes = read.select(*place, "quote.symbol", "quote.price", "quote.volume", zoned.alias("event_time"))
    return quotes.withColumn("reason", why_aside(late)).withColumn("hour", hour_of("arrived"))


def why_aside(late: int) -> Column:
    """Why a message is in no window, or null."""
    traded = (F.col("price") > 0) & (F.col("volume") >= 0)
    complete = (F.length("symbol") > 0) & traded & F.col("event_time").isNotNull()
    lateness = F.unix_micros("arrived") - F.unix_micros("event_time")
    return (
        F.when(~F.coalesce(complete, F.lit(False)), UNREADABLE)
        .when(lateness > late * 1_000_000, LATE)
        .when(lateness < -AHEAD * 1_000_000, EARLY)
    )


def hour_of(moment: str) -> Column:
    """The hour that a time is in, in UTC, as partitions are named."""
    return F.date_format(moment, "yyyy-MM-dd-HH")


def averages(quotes: DataFrame, window: int, slide: int, late: int) -> DataFrame:
    """Symbol, window and figures of the quotes that count. Prices are decimal: sums do not depend on the order.

    window, slide, late: seconds.
    """
    counted = quotes.where("reason IS NULL").withWatermark("event_time", f"{late + AHEAD + SLACK} seconds")
    spans = F.window("event_time", f"{window} seconds", f"{slide} seconds")
    value = F.col("price") * F.col("volume").cast("decimal(13,0)")
    figures = counted.groupBy("symbol", spans).agg(
        F.count("*").alias("trades"),
        F.sum("volume").alias("volume"),
        F.min("price").alias("low"),
        F.max("price").alias("high"),
        F.avg("price").cast("decimal(18,6)").alias("average"),
        (F.sum(value) / F.sum(F.col("volume").cast("decimal(13,0)"))).cast("decimal(18,6)").alias("weighted"),
    )
    starts = figures.withColumn("window_start", F.col("window.start")).withColumn("window_end", F.col("window.end"))
    return starts.withColumn("hour", hour_of("window_start")).select(*AVERAGES)


def set_aside(quotes: DataFrame) -> DataFrame:
    """The messages that are in no window."""
    return quotes.where("reason IS NOT NULL").select(*ASIDE)


class Sink:
    """A table whose rows are replaced by key. Each hour is a partition, whose folder gives way to the next at once.

    There is one writer of a table: the stream whose checkpoint lies beside it.
    """

    def __init__(
        self, spark: SparkSession, table: str, folder: str, columns: Sequence[str], keys: Sequence[str]
    ) -> None:
        self._spark, self._table, self._folder = spark, table, folder
        self._columns, self._keys = list(columns), [*keys, "hour"]
        self._due: deque[tuple[float, str]] = deque()

    def open(self) -> None:
        """Find folders that a killed writer left: they go, too, when nobody can be reading them any more."""
        used = self._folders(self._spark.table(self._table))
        hadoop = self._spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        pattern = hadoop.Path(f"{self._folder}/*/hour=*")
        found = pattern.getFileSystem(self._spark._jsc.hadoopConfiguration()).globStatus(pattern) or []
        self._later({urlsplit(status.getPath().toString()).path for status in found} - used)

    def write(self, rows: DataFrame, batch: int) -> None:
        """Put a batch's rows in the place of those with the same keys."""
        rows = rows.select(self._columns).persist()
        try:
            hours = sorted(row["hour"] for row in rows.select("hour").distinct().collect())
            if hours:
                self._write(rows, batch, hours)
        finally:
            rows.unpersist()
        self._sweep()

    def _write(self, rows: DataFrame, batch: int, hours: list[str]) -> None:
        before = self._spark.table(self._table).where(F.col("hour").isin(hours))
        former = self._folders(before)
        kept = before.join(rows.select(self._keys), on=self._keys, how="left_anti").select(self._columns)
        version = f"{self._folder}/{batch:09d}-{uuid.uuid4().hex[:6]}"
        merged = kept.unionByName(rows).coalesce(1).sortWithinPartitions("hour", *self._keys)
        merged.write.partitionBy("hour").parquet(version)
        there = {folder.rpartition("/hour=")[2] for folder in former}
        for hour in hours:
            place, location = f"PARTITION (hour='{hour}')", f"LOCATION '{version}/hour={hour}'"
            if hour not in there:
                self._spark.sql(f"ALTER TABLE {self._table} ADD IF NOT EXISTS {place} {location}")
            self._spark.sql(f"ALTER TABLE {self._table} {place} SET {location}")
        self._later(former)

    def _folders(self, rows: DataFrame) -> set[str]:
        """Paths of the folders in which rows lie."""
        return {urlsplit(file).path.rpartition("/")[0] for file in rows.inputFiles()}

    def _later(self, folders: set[str]) -> None:
        self._due.extend((time.monotonic() + GRACE, folder) for folder in sorted(folders))

    def _sweep(self) -> None:
        """Delete folders that have been out of use for long enough, and what holds them when it is empty."""
        hadoop = self._spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        files = hadoop.Path(self._folder).getFileSystem(self._spark._jsc.hadoopConfiguration())
        while self._due and self._due[0][0] <= time.monotonic():
            folder = hadoop.Path(self._due.popleft()[1])
            files.delete(folder, True)
            parent = folder.getParent()
            if files.exists(parent) and not [s for s in files.listStatus(parent) if s.isDirectory()]:
                files.delete(parent, True)


def messages(spark: SparkSession, arguments: argparse.Namespace) -> DataFrame:
    """The topic, from its first message on where there is no checkpoint; of transactions what is committed."""
    options = dict(option.split("=", 1) for option in arguments.kafka)
    reader = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", arguments.brokers)
        .option("kafka.isolation.level", "read_committed")
        .option("subscribe", arguments.topic)
        .option("startingOffsets", "earliest")
    )
    for name, value in options.items():
        reader = reader.option(f"kafka.{name}", value)
    return reader.load()


def start(spark: SparkSession, source: DataFrame, arguments: argparse.Namespace) -> list[StreamingQuery]:
    """Start a query for each table. source: as `messages` gives it."""
    # Without it a batch of nothing would follow each that has something, to forget windows a few seconds earlier.
    spark.conf.set("spark.sql.streaming.noDataMicroBatches.enabled", "false")
    quotes = read_quotes(source, arguments.late)
    lake, database = whole(spark, arguments.lake), arguments.database
    figures = averages(quotes, arguments.window, arguments.slide, arguments.late)
    tables = {
        "averages": (figures, AVERAGES, ("symbol", "window_start", "window_end"), "update", arguments.trigger),
        "aside": (set_aside(quotes), ASIDE, ("kafka_partition", "kafka_offset"), "append", RARER * arguments.trigger),
    }
    queries = []
    for name, (rows, columns, keys, mode, seconds) in tables.items():
        sink = Sink(spark, f"{database}.{name}", f"{lake}/{name}", columns, keys)
        sink.open()
        query = rows.writeStream.queryName(name).outputMode(mode).foreachBatch(sink.write)
        query = query.option("checkpointLocation", f"{lake}/checkpoint/{name}")
        queries.append(query.trigger(processingTime=f"{seconds} seconds").start())
    return queries


def whole(spark: SparkSession, uri: str) -> str:
    """The address with its server's name, which Hadoop wants of a checkpoint, and Hive of a partition."""
    path = spark._jvm.org.apache.hadoop.fs.Path(uri.rstrip("/"))  # type: ignore[union-attr]
    return str(path.getFileSystem(spark._jsc.hadoopConfiguration()).makeQualified(path).toString())


def follow(spark: SparkSession, queries: list[StreamingQuery]) -> None:
    """Wait while the queries run, and say now and then how far they are. StreamingQueryException when one fails."""
    while not spark.streams.awaitAnyTermination(int(REPORT)):
        for query in queries:
            print(progress(query), flush=True)


def progress(query: StreamingQuery) -> str:
    """One line: the last batch, its messages, and what the watermark made Spark drop, which should be nothing."""
    last = query.lastProgress
    if not last:
        return f"quotes_averages.py: {query.name}: no batch yet"
    states = last["stateOperators"]
    kept, dropped = (sum(state[name] for state in states) for name in ("numRowsTotal", "numRowsDroppedByWatermark"))
    line = f"{query.name}: batch {last['batchId']}, {last['numInputRows']} messages, {kept} windows open"
    return f"quotes_averages.py: {line}" + (f", {dropped} DROPPED BEHIND THE WATERMARK" if dropped else "")


def run(spark: SparkSession, arguments: argparse.Namespace) -> None:
    """Keep both tables until stopped."""
    follow(spark, start(spark, messages(spark, arguments), arguments))


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quotes_averages.py", description="Moving averages of quotes.")
    parser.add_argument("--brokers", required=True, help="host:port,host:port")
    parser.add_argument("--lake", required=True, help="folder of tables and checkpoint")
    parser.add_argument("--database", default="lake_market", help="Hive's database of both tables")
    parser.add_argument("--topic", default="stock-market-data")
    parser.add_argument("--kafka", action="append", default=[], metavar="NAME=VALUE", help="setting of the client")
    parser.add_argument("--window", type=_seconds, default=60, help="length of a window")
    parser.add_argument("--slide", type=_seconds, default=10, help="seconds from the begin of a window to the next")
    parser.add_argument("--late", type=_seconds, default=60, help="seconds that a quote may come after its trade")
    parser.add_argument("--trigger", type=_seconds, default=5, help="seconds from batch to batch")
    given = parser.parse_args(words)
    if given.window % given.slide:
        parser.error(f"--window {given.window} is no multiple of --slide {given.slide}")
    if not all("=" in option for option in given.kafka):
        parser.error("--kafka wants NAME=VALUE, such as security.protocol=SSL")
    return given


def _seconds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 86_400:
        raise argparse.ArgumentTypeError("not within 1 and 86400 seconds")
    return value


def main(words: list[str]) -> int:
    arguments = parse_arguments(words)
    spark = SparkSession.builder.appName("quotes_averages").enableHiveSupport().getOrCreate()
    try:
        run(spark, arguments)
    except StreamingQueryException as error:
        print(f"quotes_averages.py: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
