"""`lab verify --live`: each table has the same rows in the ERP, in Kafka, in the lake and in the warehouse.

Changes may go on meanwhile. The ERP is read at one moment; then everything that it had then is waited for at each
station; what a transaction of after that moment changed is left out, and counted. So every row that is compared must be
the same, and a difference is one.

A row is compared by the MD5 of its catalogue columns as text, which Postgres, Hive and Python can all make.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from kafka import TopicPartition
from rich.console import Console
from rich.table import Table as Shown

from lab.live.kafka import Groups, consumer, up_to
from lab.live.lake.names import DATABASE, GROUP
from lab.live.status import read_slot
from lab.live.strays import GROUP as SINK
from lab.waiting import until
from lakelab.catalogue import Column, Kind, Table
from lakelab.changes import DELETED, Key, PoisonousMessageError, read_change
from lakelab.database import SAME_TEXT, Connect, connected, told
from lakelab.errors import LabError
from lakelab.hiveserver2 import HiveServer2

STATIONS = ("Kafka", "lake", "warehouse")
PATIENCE = 120.0  # seconds until a station has what the ERP had
FIRST = 3  # rows told of each table and station
_NULL, _BETWEEN = "\x1e", "\x1f"

Digests = dict[Key, str]


@dataclass
class Found:
    """What a station has of a table: digests by key, and keys that it has more than once."""

    digests: Digests
    twice: set[Key] = field(default_factory=set)


@dataclass(frozen=True)
class TableProof:
    """A table: rows in the ERP, rows and differences at each station in words, rows left out as they are changing."""

    table: str
    rows: int
    found: Mapping[str, int]
    differences: Mapping[str, list[str]]
    moving: int

    @property
    def equal(self) -> bool:
        return not any(self.differences.values())


class Moment:
    """A moment of the ERP: a transaction that sees it, and which others it does not see."""

    def __init__(self, session: Any) -> None:
        self._session = session
        with session.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(SAME_TEXT)
            cursor.execute("SELECT pg_current_snapshot()::text, pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            snapshot, place = cursor.fetchone()
        _, last, running = snapshot.split(":")
        self.place, self._last = int(place), int(last)
        self._running = {int(number) for number in running.split(",") if number}

    def sees(self, transaction: int | None) -> bool:
        """Whether a transaction had ended by then; None is one of long ago.

        https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-PG-SNAPSHOT
        """
        return transaction is None or (transaction < self._last and transaction not in self._running)

    def rows(self, table: Table) -> Found:
        return _postgres_rows(self._session, table)


class Topic:
    """A table's topic: the last state of each key, and the keys that were changed after the moment."""

    def __init__(self, client: Any, table: Table, moment: Moment) -> None:
        self._client, self._table, self._moment = client, table, moment
        self.digests: Digests = {}
        self.moving: set[Key] = set()
        self.last: dict[TopicPartition, int] = {}  # the offset of the last change of each partition
        self._places = [TopicPartition(table.topic, n) for n in sorted(client.partitions_for_topic(table.topic) or ())]
        client.assign(self._places)
        client.seek_to_beginning(*self._places)

    def read(self) -> None:
        """Take in what is committed by now."""
        for record in up_to(self._client, self._client.end_offsets(self._places), PATIENCE):
            self._take(record)

    def _take(self, record: Any) -> None:
        try:
            change = read_change(self._table, record.key, record.value, record.offset)
        except PoisonousMessageError as error:
            raise LabError(f"offset {record.offset}: {error}") from None
        if change is None:
            return
        self.last[TopicPartition(record.topic, record.partition)] = record.offset
        if not self._moment.sees(_transaction(record.value)):
            self.moving.add(change.key)
        if change.op == DELETED or change.row is None:
            self.digests.pop(change.key, None)
        else:
            self.digests[change.key] = digest(self._table, change.row)


def digest(table: Table, row: Mapping[str, Any]) -> str:
    """The digest of a row's values."""
    texts = (_text(column, row[column.name]) for column in table.columns)
    return hashlib.md5(_BETWEEN.join(texts).encode(), usedforsecurity=False).hexdigest()


def _text(column: Column, value: Any) -> str:
    if value is None:
        return _NULL
    return ("t" if value else "f") if column.kind is Kind.BOOL else str(value)


def postgres_sql(table: Table) -> str:
    """Keys and digests of a table, in Postgres."""
    fields = ", ".join(f"coalesce({_postgres(column)}, chr(30))" for column in table.columns)
    return f"SELECT id, md5(concat_ws(chr(31), {fields})) FROM public.{table.name}"


def hive_sql(table: Table) -> str:
    """The same of the lake, in HiveServer2."""
    fields = ", ".join(f"coalesce({_hive(column)}, chr(30))" for column in table.columns)
    return f"SELECT `id`, md5(concat_ws(chr(31), {fields})) FROM {DATABASE}.{table.name}"


def _postgres(column: Column) -> str:
    return _as_text(column, f'"{column.name}"', "text")


def _hive(column: Column) -> str:
    return _as_text(column, f"`{column.name}`", "string")


def _as_text(column: Column, name: str, text: str) -> str:
    if column.kind is Kind.BOOL:
        return f"CASE {name} WHEN true THEN 't' WHEN false THEN 'f' END"
    return f"CAST({name} AS {text})"


def _transaction(value: bytes) -> int | None:
    """The transaction of a change: in its source, which comes after the rows."""
    found = re.findall(rb'"txId":\s*(\d+)', value[value.rfind(b'"source"') :])
    return int(found[-1]) if found else None


class Proof:
    """Compares all stations. LabError where one does not answer, or does not come to have what the ERP had."""

    def __init__(self, erp: Connect, warehouse: Connect, hive: HiveServer2, bootstrap: str) -> None:
        self._erp, self._warehouse, self._hive, self._bootstrap = erp, warehouse, hive, bootstrap

    def run(self, tables: Sequence[Table], say: Callable[[str], None] = lambda _: None) -> list[TableProof]:
        """The proof of each table, all of one moment."""
        with connected(self._erp) as session, connected(self._warehouse) as warehouse:
            try:
                moment = Moment(session)
                say("waiting until Kafka has what the ERP has")
                self._drain(moment)
                with consumer(self._bootstrap, max_poll_records=5000) as client, Groups(self._bootstrap) as groups:
                    return [self._table(table, moment, client, groups, warehouse, say) for table in tables]
            except psycopg2.Error as error:
                raise told(error, "*") from None

    def _table(
        self, table: Table, moment: Moment, client: Any, groups: Groups, warehouse: Any, say: Callable[[str], None]
    ) -> TableProof:
        say(f"{table.name}: ERP, Kafka, lake, warehouse")
        erp, topic = moment.rows(table), Topic(client, table, moment)
        topic.read()
        for group in (GROUP, SINK):
            _reached(groups, group, topic.last)
        found = {"lake": _hive_rows(self._hive, table), "warehouse": _postgres_rows(warehouse, table)}
        warehouse.rollback()
        topic.read()  # what came meanwhile, and may be in the others already
        found["Kafka"] = Found(topic.digests)
        differences = {name: compare(erp.digests, found[name], topic.moving) for name in STATIONS}
        rows = {name: len(found[name].digests) for name in STATIONS}
        return TableProof(table.name, len(erp.digests), rows, differences, len(topic.moving))

    def _drain(self, moment: Moment) -> None:
        """Wait until Debezium has confirmed everything up to the moment."""

        def confirmed() -> bool:
            slot = read_slot(self._erp)
            if slot is None or slot.lost:
                raise LabError("the ERP's slot is gone: changes are missed", fix="`lab cdc resnapshot`, then again")
            high, low = slot.confirmed.split("/") if slot.confirmed else ("0", "0")
            return (int(high, 16) << 32) + int(low, 16) >= moment.place

        until(confirmed, PATIENCE, _late("Kafka lacks changes of the ERP", "see `lab cdc status`"))


def compare(erp: Digests, found: Found, moving: set[Key]) -> list[str]:
    """What is not as in the ERP, row by row in words, those that are changing left out."""
    lines = []
    for key in sorted((erp.keys() | found.digests.keys()) - moving, key=str):
        if key not in found.digests:
            lines.append(f"{key} is missing")
        elif key not in erp:
            lines.append(f"{key} is not in the ERP")
        elif key in found.twice:
            lines.append(f"{key} is there more than once")
        elif erp[key] != found.digests[key]:
            lines.append(f"{key} has other values")
    return lines


def show(proofs: list[TableProof], console: Console) -> None:
    """Print a table of all tables. LabError with the first differing rows of each, when there are any."""
    shown = Shown("table", "ERP", *STATIONS, "", box=None, padding=(0, 2, 0, 0))
    for column in shown.columns[1:-1]:
        column.justify = "right"
    for each in proofs:
        cells = [
            f"[red]{len(lines):,} differ" if (lines := each.differences[name]) else f"{each.found[name]:,}"
            for name in STATIONS
        ]
        shown.add_row(each.table, f"{each.rows:,}", *cells, "[green]✓" if each.equal else "[red]✗")
    console.print(shown)
    moving = sum(each.moving for each in proofs)
    if moving:
        console.print(f"{moving:,} rows changed meanwhile and are left out.", highlight=False)
    told = [
        f"{each.table} in {name}: {', '.join(lines[:FIRST])}{', …' if len(lines) > FIRST else ''}"
        for each in proofs
        for name, lines in each.differences.items()
        if lines
    ]
    if told:
        raise LabError("; ".join(told), where="proof", fix="`lab cdc status` and `lab kafka lag` tell how changes go")


def _postgres_rows(session: Any, table: Table) -> Found:
    with session.cursor() as cursor:
        cursor.execute(SAME_TEXT)
        cursor.execute(postgres_sql(table))
        return _found(cursor.fetchall())


def _hive_rows(hive: HiveServer2, table: Table) -> Found:
    return _found(hive.rows(hive_sql(table)))


def _found(rows: list[Any]) -> Found:
    found = Found({})
    for key, text in rows:
        if key in found.digests:
            found.twice.add(key)
        found.digests[key] = text
    return found


def _reached(groups: Groups, group: str, places: Mapping[TopicPartition, int]) -> None:
    """Wait until a group has read each partition beyond that offset."""

    def beyond() -> bool:
        done = groups.offsets(group)
        return all(done.get(place, -1) > offset for place, offset in places.items())

    until(beyond, PATIENCE, _late(f"group {group} is behind", f"see `lab kafka lag {group}` and `make status`"))


def _late(what: str, fix: str) -> LabError:
    return LabError(f"{what}, after {PATIENCE:.0f} s still", fix=fix)
