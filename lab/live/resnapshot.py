"""`lab cdc resnapshot`: tables are read again, and rows whose deletion was missed are deleted in Kafka, too.

A lost slot leaves a gap: changes that the ERP made meanwhile are in no log any more. Reading the tables again brings
back what is there; what is not there any more is found by comparing keys, the topic's with the table's. Between these
the connector stands still, so what we write comes before everything that the log tells next.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from kafka import KafkaProducer, TopicPartition

from lab.live.connect import Connect
from lab.live.connectors import SOURCE, wait_until
from lab.live.kafka import consumer
from lab.live.source import SIGNALS, SLOT
from lab.live.status import read_slot
from lakelab.catalogue import TABLES, Table
from lakelab.database import Connect as ConnectErp
from lakelab.database import connected, told
from lakelab.errors import LabError
from lakelab.topics import NOTIFICATIONS

PATIENCE = 1800.0  # seconds for reading all tables
_DEAD = b'"op":"d"'

Say = Callable[[str], None]


class GaveUpError(LabError):
    """The connector failed while it read tables."""


@dataclass(frozen=True)
class Place:
    """Where a key's last message is, and whether it says that the row is there."""

    partition: int
    offset: int
    alive: bool


@dataclass(frozen=True)
class Repair:
    """What of the lab a repair works on. owner, reader: sessions of the tables' owner and of Debezium's own role."""

    connect: Connect
    owner: ConnectErp
    reader: ConnectErp
    bootstrap: str
    say: Say

    def run(self, tables: Sequence[Table]) -> int:
        """Read the tables again and delete what is gone; returns how many missed deletions there were.

        With a lost slot all tables are read, as all of them may have missed something. LabError: Connect, the ERP or
        Kafka do not answer, or the tables are not read within PATIENCE.
        """
        slot = read_slot(self.owner)
        gone = slot is None or slot.lost or self.connect.state(SOURCE).failed
        if not gone:
            try:
                self._read_between(tables)
            except GaveUpError:  # it had only just been started again, and fails for the same reason
                gone = True
        if gone:
            self.say("the slot is gone: every table is read anew")
            tables = TABLES
            with self._until_read("Initial Snapshot"):
                self._begin_anew(drop=slot is not None)
        return self._reconcile(tables)

    def _read_between(self, tables: Sequence[Table]) -> None:
        self.say(f"reading {', '.join(table.name for table in tables)} again, while changes go on")
        signal = f"lab-{time.time_ns()}"
        with self._until_read("Incremental Snapshot", signal):
            self._signal(signal, tables)

    def _begin_anew(self, *, drop: bool) -> None:
        self._stop()
        if drop:
            _execute(self.reader, "SELECT pg_drop_replication_slot(%s)", SLOT)
        self.connect.forget_offsets(SOURCE)
        self.connect.resume(SOURCE)

    def _stop(self) -> None:
        self.connect.stop(SOURCE)
        wait_until(self.connect, SOURCE, lambda state: state.connector == "STOPPED" and not state.tasks, "stopped")

    def _signal(self, signal: str, tables: Sequence[Table]) -> None:
        """Ask Debezium to read the tables in between the changes, chunk by chunk."""
        data = json.dumps({"type": "incremental", "data-collections": [f"public.{table.name}" for table in tables]})
        _execute(
            self.owner, f"INSERT INTO {SIGNALS} (id, type, data) VALUES (%s, 'execute-snapshot', %s)", signal, data
        )

    @contextlib.contextmanager
    def _until_read(self, kind: str, key: str = "") -> Iterator[None]:
        """After what is done inside, wait until Debezium says that it has read the tables: all, or by that signal."""
        place = TopicPartition(NOTIFICATIONS, 0)
        with consumer(self.bootstrap) as client:
            client.assign([place])
            client.seek(place, client.end_offsets([place])[place])
            yield
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                heard = [json.loads(record.value) for record in client.poll(timeout_ms=1000).get(place, [])]
                ours = {
                    said["type"]
                    for said in heard
                    if said["aggregate_type"] == kind and said["id"] == (key or said["id"])
                }
                if "COMPLETED" in ours:
                    return
                state = self.connect.state(SOURCE)
                if "ABORTED" in ours or (state.failed and state.tasks):
                    raise GaveUpError(f"connector {SOURCE} gave up: {state.why}", fix="see `lab stack logs connect`")
        raise LabError(f"the tables were not read within {PATIENCE:.0f} s", fix="see `lab stack logs connect`")

    def _reconcile(self, tables: Sequence[Table]) -> int:
        """Write a deletion for each row that Kafka has and the ERP has not."""
        self._stop()
        try:
            return sum(self._reconcile_table(table) for table in tables)
        finally:
            self.connect.resume(SOURCE)
            wait_until(self.connect, SOURCE, lambda state: state.running, "running")

    def _reconcile_table(self, table: Table) -> int:
        known = keys_in_kafka(self.bootstrap, table.topic)
        present, lsn = keys_in_erp(self.owner, table)
        gone = {key: place for key, place in known.items() if place.alive and json.loads(key)["id"] not in present}
        if gone:
            self.say(f"{table.name}: {len(gone):,} rows were deleted while nobody looked")
            delete(self.bootstrap, table.topic, gone, lsn)
        return len(gone)


def keys_in_kafka(bootstrap: str, topic: str) -> dict[bytes, Place]:
    """The last message of each key of a topic: the whole topic is read, as far as it is committed now."""
    found: dict[bytes, Place] = {}
    with consumer(bootstrap, max_poll_records=5000) as client:
        places = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]
        client.assign(places)
        client.seek_to_beginning(*places)
        ends = client.end_offsets(places)
        while any(client.position(place) < ends[place] for place in places):
            for place, records in client.poll(timeout_ms=1000).items():
                for record in records:
                    alive = record.value is not None and _DEAD not in record.value
                    found[record.key] = Place(place.partition, record.offset, alive)
    return found


def keys_in_erp(erp: ConnectErp, table: Table) -> tuple[set[Any], int]:
    """The keys of a table, and a place in the log that is not after the moment of their reading."""
    with connected(erp) as session, session.cursor() as cursor:
        try:
            cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
            lsn = int(cursor.fetchone()[0])
            cursor.execute(f"SELECT id FROM public.{table.name}")
            return {row[0] for row in cursor.fetchall()}, lsn
        except psycopg2.Error as error:
            raise told(error, table.name) from None


def delete(bootstrap: str, topic: str, gone: dict[bytes, Place], lsn: int) -> None:
    """A deletion and a tombstone for each key, as Debezium would have written them, all of them or none."""
    producer = KafkaProducer(
        bootstrap_servers=bootstrap.split(","), transactional_id=f"lab-resnapshot-{topic}", acks="all",
        max_request_size=16 * 1024 * 1024,
    )  # fmt: skip
    try:
        producer.init_transactions()
        producer.begin_transaction()
        for key, value in _last_values(bootstrap, topic, gone):
            producer.send(topic, key=key, value=_deletion(value, lsn), partition=gone[key].partition)
            producer.send(topic, key=key, value=None, partition=gone[key].partition)
        producer.commit_transaction()
    finally:
        producer.close()


def _last_values(bootstrap: str, topic: str, places: dict[bytes, Place]) -> list[tuple[bytes, bytes]]:
    """The messages at these places."""
    found = []
    with consumer(bootstrap, max_poll_records=1) as client:
        client.assign([TopicPartition(topic, number) for number in {place.partition for place in places.values()}])
        for key, place in places.items():
            partition = TopicPartition(topic, place.partition)
            client.pause(*client.assignment())
            client.resume(partition)
            client.seek(partition, place.offset)
            records: list[Any] = []
            while not records:
                records = client.poll(timeout_ms=1000).get(partition, [])
            found.append((key, records[0].value))
    return found


def _deletion(value: bytes, lsn: int) -> bytes:
    """The change that deletes the row which `value`, its last change, has left."""
    last, now = json.loads(value), time.time_ns() // 1_000_000
    source = {**last["source"], "lsn": lsn, "ts_ms": now, "snapshot": "false", "txId": None, "sequence": None}
    return json.dumps(
        {"before": last["after"], "after": None, "source": source, "transaction": None, "op": "d", "ts_ms": now},
        ensure_ascii=False, separators=(",", ":"),
    ).encode()  # fmt: skip


def _execute(erp: ConnectErp, statement: str, *values: str) -> None:
    with connected(erp) as session, session.cursor() as cursor:
        try:
            cursor.execute(statement, values)
            session.commit()
        except psycopg2.Error as error:
            raise told(error, "*") from None
