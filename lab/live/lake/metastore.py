"""Hive's metastore: databases, tables and views, and the folders of partitions, all of which change at once or not.

Numbers of fields are those of its Thrift interface:
https://github.com/apache/hive/blob/rel/release-4.0.1/standalone-metastore/metastore-common/src/main/thrift/hive_metastore.thrift
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from lab.live.lake import thrift
from lab.live.lake.thrift import RefusedError, Struct
from lakelab.errors import LabError

_ALL = 32767  # partitions in one answer, the most that the call can ask for
_PARQUET = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
)
# The metastore would list the folders to count their files, and lists no less when asked for nothing.
_NO_STATISTICS = thrift.record({1: thrift.mapping({"DO_NOT_UPDATE_STATS": "true"})})

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Definition:
    """A table of Parquet files in a folder of its own, or, with `query`, a view. columns: name and type."""

    name: str
    columns: Columns
    partitioned_by: Columns = ()
    location: str = ""
    query: str = ""


@dataclass(frozen=True)
class Partition:
    """A partition's value, its folder as `hdfs:///path`, and what was noted beside it."""

    value: str
    location: str
    notes: Mapping[str, str]


class Metastore(Protocol):
    """What the lake needs of a metastore. LabError where it does not answer or refuses."""

    def ensure(self, definition: Definition) -> None: ...
    def partitions(self, table: str) -> dict[str, Partition]: ...
    def add(self, table: str, partitions: Sequence[Partition]) -> None: ...
    def switch(self, table: str, partitions: Sequence[Partition]) -> None: ...


class HiveMetastore:
    """One database of a metastore, by Thrift."""

    def __init__(self, host: str, port: int, database: str) -> None:
        self._client, self._database = thrift.Client(host, port), database
        self._where = f"{host}:{port}"
        self._known: dict[str, dict[str, Struct]] = {}  # partitions as the metastore has them, by table and value

    def make_database(self, doc: str, location: str) -> None:
        """Make the database where it is not there."""
        made = {1: thrift.text(self._database), 2: thrift.text(doc), 3: thrift.text(location), 4: thrift.mapping({})}
        with contextlib.suppress(_AlreadyThereError):
            self._call("create_database", {1: thrift.record(made)})

    def ensure(self, definition: Definition) -> None:
        """Make the table or the view where it is not there. LabError: it is there with other columns."""
        try:
            self._call("create_table", {1: thrift.record(self._table(definition))})
        except _AlreadyThereError:
            there = self._columns(definition.name)
            if there != [tuple(column) for column in definition.columns]:
                raise LabError(
                    f"{self._database}.{definition.name} has other columns than it should",
                    fix="drop it and its partitions by SQL: it is made anew from Kafka",
                ) from None

    def partitions(self, table: str) -> dict[str, Partition]:
        """Every partition by its value."""
        asked = {1: thrift.text(self._database), 2: thrift.text(table), 3: thrift.Field(thrift.I16, _ALL)}
        answer = self._call("get_partitions", asked)
        known = {found[1].value[1][0]: found for found in (answer.value[1] if answer else [])}
        self._known[table] = known
        return {value: _partition(value, found) for value, found in known.items()}

    def add(self, table: str, partitions: Sequence[Partition]) -> None:
        """Add partitions, with folders that the metastore makes; one that is there stays as it is."""
        columns = self._call("get_table_req", {1: thrift.record(self._name(table))})
        assert columns is not None
        storage: Struct = columns.value[1].value[7].value
        asked = {
            1: thrift.text(self._database),
            2: thrift.text(table),
            3: thrift.records(self._partition(table, storage, each) for each in partitions),
            4: thrift.flag(True),
            5: thrift.flag(False),
        }
        self._call("add_partitions_req", {1: thrift.record(asked)})
        self.partitions(table)

    def switch(self, table: str, partitions: Sequence[Partition]) -> None:
        """Give partitions other folders and notes: all of them, in one transaction of the metastore, or none."""
        known = self._known[table]
        changed = [_placed(known[each.value], each) for each in partitions]
        asked = {
            2: thrift.text(self._database),
            3: thrift.text(table),
            4: thrift.records(changed),
            5: _NO_STATISTICS,
        }
        self._call("alter_partitions_req", {1: thrift.record(asked)})
        known.update({each.value: new for each, new in zip(partitions, changed, strict=True)})

    def close(self) -> None:
        self._client.close()

    def _columns(self, table: str) -> list[tuple[str, str]]:
        answer = self._call("get_table_req", {1: thrift.record(self._name(table))})
        assert answer is not None
        columns = answer.value[1].value[7].value[1].value[1]
        return [(column[1].value, column[2].value) for column in columns]

    def _name(self, table: str) -> Struct:
        return {1: thrift.text(self._database), 2: thrift.text(table)}

    def _table(self, definition: Definition) -> Struct:
        made: Struct = {
            1: thrift.text(definition.name),
            2: thrift.text(self._database),
            3: thrift.text("hadoop"),
            7: thrift.record(_storage(definition)),
            8: thrift.records(_columns(definition.partitioned_by)),
            9: thrift.mapping({} if definition.query else {"EXTERNAL": "TRUE"}),
            12: thrift.text("VIRTUAL_VIEW" if definition.query else "EXTERNAL_TABLE"),
        }
        if definition.query:
            made[10] = made[11] = thrift.text(definition.query)
        return made

    def _partition(self, table: str, storage: Struct, partition: Partition) -> Struct:
        return {
            1: thrift.texts([partition.value]),
            2: thrift.text(self._database),
            3: thrift.text(table),
            6: thrift.record({**storage, 2: thrift.text(partition.location)}),
            7: thrift.mapping(partition.notes),
        }

    def _call(self, name: str, arguments: Struct) -> thrift.Field | None:
        try:
            return self._client.call(name, arguments)
        except OSError as error:
            raise LabError(
                f"the metastore does not answer: {error}", where=self._where, fix="see `make status`"
            ) from None
        except RefusedError as error:
            if "already exists" in error.message:
                raise _AlreadyThereError(error.message) from None
            raise LabError(f"the metastore refuses {name}: {error.message}", where=self._database) from None


class _AlreadyThereError(LabError):
    """What was to be made is there."""


def _partition(value: str, found: Struct) -> Partition:
    return Partition(value, f"hdfs://{urlsplit(_location(found)).path}", dict(found[7].value[2]))


def _placed(found: Struct, partition: Partition) -> Struct:
    """The partition as the metastore has it, with another folder and other notes.

    The folder has the namenode's name in it, as the metastore wrote it when the partition was made: Hive's queries
    compare addresses as text.
    """
    storage: Struct = found[6].value
    where = urlsplit(_location(found))
    location = f"{where.scheme}://{where.netloc}{urlsplit(partition.location).path}"
    placed = {**storage, 2: thrift.text(location)}
    return {**found, 6: thrift.record(placed), 7: thrift.mapping(partition.notes)}


def _location(found: Struct) -> str:
    return str(found[6].value[2].value)


def _storage(definition: Definition) -> Struct:
    reads, writes, rows = ("", "", "") if definition.query else _PARQUET
    serde = {1: thrift.text(""), 2: thrift.text(rows), 3: thrift.mapping({"serialization.format": "1"})}
    found: Struct = {
        1: thrift.records(_columns(definition.columns)),
        5: thrift.flag(False),
        6: thrift.number(-1),
        7: thrift.record(serde),
        8: thrift.texts([]),
        9: thrift.records([]),
        10: thrift.mapping({}),
    }
    if not definition.query:
        found |= {2: thrift.text(definition.location), 3: thrift.text(reads), 4: thrift.text(writes)}
    return found


def _columns(columns: Columns) -> list[Struct]:
    return [{1: thrift.text(name), 2: thrift.text(kind), 3: thrift.text("")} for name, kind in columns]
