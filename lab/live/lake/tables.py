"""The lake's tables, made of the catalogue: what of each table is now, and every version that a row had.

For each table of the ERP there are three names in Hive's database `lake_erp`:
`students` has the rows that the ERP has now, `students_changes` every change, and the view `students_history` the
versions of each row with the time from which and to which each was so.
"""

from __future__ import annotations

import zlib
from typing import Any

from lab.live.lake.metastore import Definition
from lab.live.lake.names import DATABASE
from lakelab.catalogue import Kind, Table
from lakelab.changes import EXTRA, Key
from lakelab.frames import polars
from lakelab.render import HIVE
from lakelab.topics import topic

FOLDER = "hdfs:///lake/erp"
BUCKETS = 4  # of each partition of a topic: a change writes one of them anew

# Beside the catalogue's columns: when the change was committed, when the lake took it, its place in log and topic.
_PLACE = (("changed_at", "timestamp"), ("applied_at", "timestamp"), ("lsn", "bigint"), ("kafka_partition", "int"))
PLACE = (*_PLACE, ("kafka_offset", "bigint"))
_TYPES: dict[str, Any] = {
    "int": polars.Int32,
    "bigint": polars.Int64,
    "string": polars.String,
    "date": polars.Date,
    "boolean": polars.Boolean,
    "timestamp": polars.Datetime("ms"),
    HIVE[Kind.DECIMAL]: polars.Decimal(4, 1),
    HIVE[Kind.MONEY]: polars.Decimal(12, 2),
}


def columns(table: Table) -> list[tuple[str, str]]:
    """The table's columns with Hive's types, `extra` for those that the ERP was given since, and the row's place."""
    return [*((c.name, HIVE[c.kind]) for c in table.columns), (EXTRA, "string"), *PLACE]


def change_columns(table: Table) -> list[tuple[str, str]]:
    return [*columns(table), ("op", "string")]


def schema(of: list[tuple[str, str]]) -> dict[str, Any]:
    """The same columns with the types of data frames, and so of Parquet."""
    return {name: _TYPES[kind] for name, kind in of}


def folder(table: Table, kind: str = "") -> str:
    return f"{FOLDER}/{table.name}/{kind}".rstrip("/")


def current(table: Table) -> Definition:
    """The rows of now. A bucket is a partition of its own, as they are written anew one by one."""
    return Definition(table.name, columns(table), (("bucket", "int"),), folder(table, "current"))


def changes(table: Table) -> Definition:
    """Every change, in files by the day of its commit (UTC)."""
    return Definition(f"{table.name}_changes", change_columns(table), (("day", "string"),), folder(table, "changes"))


def history(table: Table) -> Definition:
    """A view of versions: a version ends where the row's next change begins; the last one has no end."""
    names = ", ".join(f"`{name}`" for name, _ in columns(table))
    query = (
        f"SELECT {names}, `op`, `valid_from`, `valid_to` FROM (SELECT {names}, `op`, `changed_at` AS `valid_from`, "
        "lead(`changed_at`) OVER (PARTITION BY `id` ORDER BY `kafka_partition`, `kafka_offset`) AS `valid_to` "
        f"FROM `{DATABASE}`.`{table.name}_changes`) AS `versions` WHERE `op` <> 'd'"
    )
    more = [("op", "string"), ("valid_from", "timestamp"), ("valid_to", "timestamp")]
    return Definition(f"{table.name}_history", [*columns(table), *more], query=query)


def partitions(table: Table) -> int:
    """Partitions of the table's topic."""
    return topic(table.topic).partitions


def bucket(partition: int, key: Key) -> int:
    """The bucket of a key that is in that partition of the topic: its own four, by the key's checksum."""
    return partition * BUCKETS + zlib.crc32(str(key).encode()) % BUCKETS


def buckets(partition: int) -> range:
    """Every bucket of a partition of the topic."""
    return range(partition * BUCKETS, (partition + 1) * BUCKETS)
