"""`lab trace student 822491`: the last change of one row at each station, with its time since the commit.

With `touch` the row is changed first, by an update that leaves it as it is, and each station is looked at until the
change is there: the time is then that of seeing it, as a program would.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg2
from kafka import TopicPartition
from rich.console import Console
from rich.table import Table as Shown

from lab.live import tail
from lab.live.kafka import consumer
from lab.live.lake.names import DATABASE
from lab.live.nifi_commands import by_login
from lab.live.provenance import trace as nifi_events
from lab.stack.place import Stack
from lab.waiting import until
from lakelab.catalogue import TABLES, Kind, Table
from lakelab.changes import Key, log_position
from lakelab.database import Connect, connected, told
from lakelab.errors import LabError

PATIENCE = 60.0  # seconds until a change is at a station
PAUSE = 0.02  # between two looks
_NIFI_TIME = "%m/%d/%Y %H:%M:%S.%f"


@dataclass(frozen=True)
class Stop:
    """A station: where the change is there, and when it came, in seconds since 1970; None where nobody can tell."""

    station: str
    place: str
    at: float | None = None


@dataclass(frozen=True)
class Seen:
    """What a look at a station found: the row's version there, and where it is. None: the row is not there."""

    version: str | None
    place: str
    at: float | None = None


Look = Callable[[], Seen]


def table_of(name: str) -> Table:
    """A table by its name, or by that of one of its rows: students, student. LabError: there is none."""
    for table in TABLES:
        if name in (table.name, *_one_of(table.name)):
            return table
    raise LabError(f"no table {name}", fix=f"one of {', '.join(table.name for table in TABLES)}")


def _one_of(name: str) -> Iterator[str]:
    yield name.removesuffix("s")
    yield name.removesuffix("es")
    yield name.removesuffix("ies") + "y"


def key_of(table: Table, text: str) -> Key:
    """A key as the table has it. LabError: it is none."""
    if table.column("id").kind is not Kind.INT:
        return text
    if not text.isascii() or not text.isdigit():
        raise LabError(f"{text} is no key of {table.name}", fix="give a whole number")
    return int(text)


class Trace:
    """One row's path through a stack."""

    def __init__(self, stack: Stack, table: Table, key: Key, erp: Connect) -> None:
        self._stack, self._table, self._key, self._erp = stack, table, key, erp

    def last(self) -> list[Stop]:
        """The last change that Kafka has, and what the other stations have now. LabError: nobody knows the row."""
        with consumer(self._stack.kafka, max_poll_records=2000) as client:
            found = tail.last(client, self._table.topic, 2, str(self._key))
        records = [record for record in found if record.value is not None]
        if not records:
            raise LabError(f"Kafka has no change of {self._table.name} {self._key}", fix="is it a row of the ERP?")
        with self._looks() as looks:
            return _stops(records[-1], {name: look() for name, look in looks.items()}) + self._nifi(records[-1], 0)

    def touched(self) -> list[Stop]:
        """Change the row, and follow it. LabError: there is no such row, or it does not come to a station."""
        topic = self._table.topic
        with self._looks() as looks, consumer(self._stack.kafka) as client:
            places = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]
            client.assign(places)
            for place, end in client.end_offsets(places).items():
                client.seek(place, end)
            before = {name: look().version for name, look in looks.items()}
            with ThreadPoolExecutor(len(looks)) as executor:
                self._touch()
                waiting = {name: executor.submit(_changed, name, look, before[name]) for name, look in looks.items()}
                record = self._comes(client)
                seen = {name: each.result() for name, each in waiting.items()}
        return _stops(record, seen) + self._nifi(record, PATIENCE)

    def _touch(self) -> None:
        with connected(self._erp) as session, session.cursor() as cursor:
            try:
                cursor.execute(f"UPDATE public.{self._table.name} SET id = id WHERE id = %s", (self._key,))
                if not cursor.rowcount:
                    raise LabError(f"the ERP has no row {self._key} in {self._table.name}", fix="give the key of one")
                session.commit()
            except psycopg2.Error as error:
                raise told(error, self._table.name) from None

    def _comes(self, client: Any) -> Any:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for records in client.poll(timeout_ms=200).values():
                for record in records:
                    if tail.shown_key(record) == str(self._key) and record.value is not None:
                        return record
        raise LabError(f"the change did not come to Kafka in {PATIENCE:.0f} s", fix="see `lab cdc status`")

    def _looks(self) -> Looks:
        return Looks(self._stack, self._table, self._key)

    def _nifi(self, record: Any, seconds: float) -> list[Stop]:
        """The file of NiFi's that has the change; nothing where NiFi was not started."""
        if not any(c.service == "nifi" and c.state == "running" for c in self._stack.compose.containers()):
            return []
        nifi, end = by_login(self._stack.compose), time.monotonic() + seconds
        while True:
            for event in nifi_events(nifi, self._table, str(self._key)):
                if event.object and _has(event.attributes, record):
                    when = datetime.strptime(event.at.rpartition(" ")[0], _NIFI_TIME).replace(tzinfo=UTC)
                    return [Stop("NiFi", event.object, when.timestamp())]
            if time.monotonic() >= end:
                return [Stop("NiFi", "no file of its has the change yet")]
            time.sleep(1)


class Looks:
    """How to look at a row where it can be queried: the lake, the warehouse, the API."""

    def __init__(self, stack: Stack, table: Table, key: Key) -> None:
        self._stack, self._table, self._key = stack, table, key
        self._authority: ssl.SSLContext | None = None

    def __enter__(self) -> dict[str, Look]:
        self._hive = self._stack.warehouse(DATABASE)
        self._session = self._stack.connecting_warehouse()()
        self._session.autocommit = True
        looks: dict[str, Look] = {"lake": self._lake, "warehouse": self._warehouse}
        running = {c.service for c in self._stack.compose.containers() if c.state == "running"}
        if {"api", "nginx"} <= running:
            looks["API"] = self._api
        return looks

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._hive.close()

    def _lake(self) -> Seen:
        key = self._key if isinstance(self._key, int) else "'" + self._key.replace("'", "\\'") + "'"
        rows = self._hive.rows(
            "SELECT kafka_partition, kafka_offset, applied_at, input__file__name "
            f"FROM {DATABASE}.{self._table.name} WHERE id = {key}"
        )
        if not rows:
            return Seen(None, "the row is not there")
        partition, offset, applied, file = rows[0]
        taken = applied.replace(tzinfo=UTC).timestamp()
        return Seen(f"{partition}/{offset}", f"/{file.partition('://')[2].partition('/')[2]}", taken)

    def _warehouse(self) -> Seen:
        with self._session.cursor() as cursor:
            cursor.execute(f"SELECT xmin::text FROM public.{self._table.name} WHERE id = %s", (self._key,))
            row = cursor.fetchone()
        return Seen(row[0], f"warehouse.public.{self._table.name}, xmin {row[0]}") if row else Seen(None, "not there")

    def _api(self) -> Seen:
        environment = self._stack.environment
        if self._authority is None:
            self._authority = ssl.create_default_context(cadata=self._stack.compose.authority())
        path = f"/{self._table.name}/{self._key}"
        request = urllib.request.Request(f"{self._stack.api_url}{path}")
        request.add_header("Authorization", f"Bearer {environment['API_ERP_TOKEN']}")
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._authority) as answer:
                return Seen(answer.headers["ETag"], f"GET /api{path}: {answer.status}, ETag {answer.headers['ETag']}")
        except urllib.error.HTTPError as error:
            return Seen(None, f"GET /api{path}: {error.code}")
        except OSError as error:
            raise LabError(f"the API does not answer: {error}", where=f"/api{path}", fix="see `make status`") from None


def _changed(name: str, look: Look, before: str | None) -> Seen:
    """Look until the row has another version; when that was seen."""

    def other() -> Seen | None:
        seen = look()
        return None if seen.version in (None, before) else Seen(seen.version, seen.place, time.time())

    late = LabError(f"the change did not come to the {name} in {PATIENCE:.0f} s", fix="see `make status`")
    return until(other, PATIENCE, late, PAUSE)


def _has(attributes: Mapping[str, str], record: Any) -> bool:
    """Whether a file of NiFi's has that message."""
    first, last = (int(attributes.get(f"kafka.offset.{end}", -1)) for end in ("first", "last"))
    return first <= record.offset <= last and attributes.get("kafka.partition") == str(record.partition)


def _stops(record: Any, seen: dict[str, Seen]) -> list[Stop]:
    change = json.loads(record.value)
    source = change["source"]
    lsn = log_position(source) or 0
    position = f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
    what = {"r": "read", "c": "created", "u": "updated", "d": "deleted"}[change["op"]]
    stops = [
        Stop("ERP", f"{what} by transaction {source['txId']}, log at {position}", source["ts_ms"] / 1000),
        Stop("Debezium", f"table {source['schema']}.{source['table']}", change["ts_ms"] / 1000),
        Stop("Kafka", f"{record.topic}[{record.partition}] offset {record.offset}", record.timestamp / 1000),
    ]
    return stops + [Stop(name, each.place, each.at) for name, each in seen.items()]


def show(stops: list[Stop], console: Console) -> None:
    """Print the row's way."""
    shown = Shown("station", "where", "time (UTC)", "ms after the commit", box=None, padding=(0, 2, 0, 0))
    shown.columns[0].no_wrap = True
    shown.columns[1].overflow = "fold"
    shown.columns[3].justify = "right"
    committed = stops[0].at or 0.0
    for stop in stops:
        if stop.at is None:
            shown.add_row(stop.station, stop.place, "", "")
            continue
        clock = datetime.fromtimestamp(stop.at, UTC).strftime("%H:%M:%S.%f")[:-3]
        shown.add_row(stop.station, stop.place, clock, f"{(stop.at - committed) * 1000:,.0f}")
    console.print(shown)
