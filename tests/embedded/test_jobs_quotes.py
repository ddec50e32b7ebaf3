"""quotes_averages.py: windows as computed by hand, late quotes kept, and nothing lost or doubled by a crash."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from job_files import JOBS, load_job

job = load_job("quotes_averages")
DDL = (JOBS.parent / "hive" / "market" / "1_tables.hql").read_text()
MESSAGE = "value string, partition int, offset bigint, timestamp timestamp"


class Market:
    """A topic of files, the stream that reads it, and its tables. Windows of a minute, two of them a minute."""

    def __init__(self, spark, folder: Path) -> None:
        self.spark, self.folder, self.count, self.files = spark, folder, 0, 0
        (folder / "topic").mkdir()
        spark.sql("DROP DATABASE IF EXISTS lake_market CASCADE")
        for statement in ("CREATE DATABASE lake_market", *_tables(folder / "lake")):
            spark.sql(statement)
        words = ["--brokers", "none", "--lake", str(folder / "lake"), "--slide", "30", "--trigger", "1"]
        self.arguments = job.parse_arguments(words)
        self.queries: list[Any] = []

    def send(self, *messages: tuple[str, str]) -> None:
        """Messages with the times at which they arrived, as one file, which is one batch."""
        lines = []
        for arrived, value in messages:
            stamp = f"2026-06-01T{arrived}Z"
            lines.append(json.dumps({"value": value, "partition": 0, "offset": self.count, "timestamp": stamp}))
            self.count += 1
        self.files += 1
        (self.folder / "topic" / f"{self.files:03}.json").write_text("\n".join(lines))

    def run(self) -> None:
        """Take what was sent; the stream goes on running."""
        if not self.queries:
            source = self.spark.readStream.schema(MESSAGE).json(str(self.folder / "topic"))
            self.queries = job.start(self.spark, source, self.arguments)
        for query in self.queries:
            query.processAllAvailable()

    def stop(self) -> None:
        for query in self.queries:
            query.stop()
        self.queries = []

    def rows(self, table: str, columns: str) -> list[tuple[str | None, ...]]:
        self.spark.catalog.refreshTable(f"lake_market.{table}")
        found = self.spark.sql(f"SELECT {columns} FROM lake_market.{table}").collect()
        return sorted(tuple(None if value is None else str(value) for value in row) for row in found)

    def averages(self) -> dict[str, tuple[str | None, ...]]:
        """Of each window of AB, by its begin: trades, volume, low, high, average, weighted."""
        what = "date_format(window_start, 'HH:mm:ss'), trades, volume, low, high, average, weighted"
        rows = self.rows("averages", what)
        assert len({row[0] for row in rows}) == len(rows), "a window that is there twice"
        return {row[0] or "": row[1:] for row in rows}


def _tables(lake: Path) -> list[str]:
    """The statements of Hive that make the tables, in the words of a Spark session without Hive."""
    made = r"CREATE EXTERNAL TABLE IF NOT EXISTS (\S+) \(\n(.*?)\n\)\n.*?PARTITIONED BY \((.*?)\)\n"
    found = re.findall(made, DDL, re.DOTALL)
    assert [name for name, _, _ in found] == ["lake_market.averages", "lake_market.aside"]
    return [
        f"CREATE TABLE {name} ({columns}, {partition}) USING parquet PARTITIONED BY (hour) LOCATION '{lake}/{folder}'"
        for name, columns, partition in found
        for folder in (name.partition(".")[2],)
    ]


def quote(time: str, price: str, volume: int = 100, symbol: str = "AB") -> str:
    return f'{{"event_id":"e","symbol":"{symbol}","price":{price},"volume":{volume},"event_time":"2026-06-01T{time}Z"}}'


@pytest.fixture
def market(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "RARER", 1)
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "1")  # as the step has it
    found = Market(spark, tmp_path)
    yield found
    found.stop()
    spark.sql("DROP DATABASE IF EXISTS lake_market CASCADE")
    spark.conf.set("spark.sql.shuffle.partitions", partitions)


def test_windows_over_two_batches_and_a_change_of_hour(market):
    market.send(("12:59:40.250", quote("12:59:40.000", "10", 1)), ("12:59:50", quote("12:59:50.000", "20.5", 3)))
    market.run()
    assert market.averages() == {
        "12:59:00": ("2", "4", "10.000000", "20.500000", "15.250000", "17.875000"),
        "12:59:30": ("2", "4", "10.000000", "20.500000", "15.250000", "17.875000"),
    }
    market.send(("13:00:00", quote("13:00:00.000", "30", 0)), ("13:00:01", quote("13:00:00.500", "1", 1, "CD")))
    market.run()
    assert market.rows("averages", "symbol, hour, date_format(window_end, 'HH:mm:ss'), trades") == [
        ("AB", "2026-06-01-12", "13:00:00", "2"),
        ("AB", "2026-06-01-12", "13:00:30", "3"),
        ("AB", "2026-06-01-13", "13:01:00", "1"),
        ("CD", "2026-06-01-12", "13:00:30", "1"),
        ("CD", "2026-06-01-13", "13:01:00", "1"),
    ]
    ab = market.rows("averages", "hour, low, high, average, weighted, volume, symbol")
    assert ("2026-06-01-12", "10.000000", "30.000000", "20.166667", "17.875000", "4", "AB") in ab
    assert ("2026-06-01-13", "30.000000", "30.000000", "30.000000", None, "0", "AB") in ab


def test_what_comes_late_early_or_broken_is_set_aside_with_the_reason_and_counts_in_no_window(market):
    market.send(
        ("12:01:20.000", quote("12:00:20.000", "1")),  # a minute late: in time
        ("12:01:20.001", quote("12:00:20.000", "2")),
        ("12:01:20.000", quote("12:02:20.000", "3")),  # a minute early: a clock that is fast
        ("12:01:20.000", quote("12:02:20.001", "4")),
        ("12:01:21", quote("12:01:21.000", "-5")),
        ("12:01:21", quote("12:01:21.000", '"x"')),
        ("12:01:21", quote("12:01:21.000", "6").replace("Z", "")),
        ("12:01:21", quote("25:01:21.000", "7")),
        ("12:01:21", "no JSON"),
        ("12:01:21", '{"price": 8}'),
    )
    market.run()
    assert market.rows("aside", "kafka_offset, reason, symbol, hour") == [
        ("1", "late", "AB", "2026-06-01-12"),
        ("3", "early", "AB", "2026-06-01-12"),
        ("4", "unreadable", "AB", "2026-06-01-12"),
        ("5", "unreadable", "AB", "2026-06-01-12"),
        ("6", "unreadable", "AB", "2026-06-01-12"),
        ("7", "unreadable", "AB", "2026-06-01-12"),
        ("8", "unreadable", None, "2026-06-01-12"),
        ("9", "unreadable", None, "2026-06-01-12"),
    ]
    assert ("no JSON",) in market.rows("aside", "value")
    assert {begin: row[:1] + row[4:5] for begin, row in market.averages().items()} == {
        "11:59:30": ("1", "1.000000"),
        "12:00:00": ("1", "1.000000"),
        "12:01:30": ("1", "3.000000"),
        "12:02:00": ("1", "3.000000"),
    }


def test_how_far_the_stream_has_come_decides_nothing_and_old_windows_are_forgotten(market):
    market.send(("12:10:00", quote("12:10:59.000", "1")))  # as far ahead as may be
    market.run()
    market.send(("12:09:58.500", quote("12:08:58.500", "2")))  # sent before, taken after, and a minute late
    market.run()
    assert market.rows("aside", "reason") == []
    assert {begin: row[0] for begin, row in market.averages().items()} == {
        "12:08:00": "1", "12:08:30": "1", "12:10:00": "1", "12:10:30": "1",
    }  # fmt: skip
    market.send(("12:50:00", quote("12:50:00.000", "3")))
    market.run()
    market.send(("12:50:01", quote("12:50:01.000", "4")))
    market.run()
    assert "2 windows open" in job.progress(market.queries[0])
    assert "DROPPED" not in job.progress(market.queries[0])
    assert len(market.averages()) == 6


def test_a_stream_that_begins_again_goes_on_and_one_without_its_checkpoint_finds_the_same(market):
    market.send(("12:00:10", quote("12:00:10.000", "10")), ("12:03:00", quote("12:00:00.000", "9")))
    market.run()
    market.stop()
    market.send(("12:00:20", quote("12:00:20.000", "20")))
    market.run()
    both = ("2", "200", "10.000000", "20.000000", "15.000000", "15.000000")
    assert market.averages() == {"11:59:30": both, "12:00:00": both}
    market.stop()
    before = market.rows("averages", "*"), market.rows("aside", "*")
    (market.folder / "lake" / "checkpoint").rename(market.folder / "lake" / "gone")
    market.run()
    assert (market.rows("averages", "*"), market.rows("aside", "*")) == before
    assert len(before[1]) == 1


def test_a_batch_that_is_written_twice_changes_nothing(market):
    market.send(("12:00:10", quote("12:00:10.000", "10")))
    market.run()
    market.send(("12:00:20", quote("12:00:20.000", "20")), ("12:03:00", quote("12:00:00.000", "9")))
    market.run()
    before = market.rows("averages", "*"), market.rows("aside", "*")
    market.stop()
    # A kill after the tables turned and before Spark noted that the batch is done.
    for table in ("averages", "aside"):
        for name in ("1", ".1.crc"):
            (market.folder / "lake" / "checkpoint" / table / "commits" / name).unlink()
    market.run()
    assert [query.lastProgress["batchId"] for query in market.queries if query.lastProgress] == [1, 1]
    assert (market.rows("averages", "*"), market.rows("aside", "*")) == before
    assert (len(before[0]), len(before[1])) == (2, 1)


def test_what_a_killed_writer_left_is_seen_by_nobody_and_goes(market, monkeypatch):
    market.send(("12:10:10", quote("12:10:10.000", "10")))
    market.run()
    market.stop()
    before = market.rows("averages", "*")
    (used,) = (market.folder / "lake" / "averages").glob("*/hour=*")
    left = market.folder / "lake" / "averages" / "000000009-abcdef" / used.name
    left.mkdir(parents=True)
    (file,) = used.glob("*.parquet")
    (left / file.name).write_bytes(file.read_bytes())
    assert market.rows("averages", "*") == before
    monkeypatch.setattr(job, "GRACE", 0.0)
    market.send(("12:30:00", quote("12:30:00.000", "1", symbol="CD")))
    market.run()
    assert not left.parent.exists()
    assert not used.exists()
    assert market.rows("averages", "symbol, trades") == [("AB", "1"), ("AB", "1"), ("CD", "1"), ("CD", "1")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--window", "60", "--slide", "25"], "--window 60 is no multiple of --slide 25"),
        (["--late", "0"], "not within 1 and 86400 seconds"),
        (["--kafka", "security.protocol"], "--kafka wants NAME=VALUE"),
    ],
)
def test_arguments_that_cannot_be_are_refused(words, says, capsys):
    with pytest.raises(SystemExit):
        job.parse_arguments(["--brokers", "b:9092", "--lake", "s3://b/lake", *words])
    assert says in capsys.readouterr().err
