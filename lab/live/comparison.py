"""Kafka against the ERP, key by key: rows whose deletion was missed are deleted in Kafka, too.

Deletions are missed where a slot was lost, or where the first reading of the tables was interrupted. While keys are
compared the connector stands still, so what is written here comes before everything that the log tells next.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from kafka import TopicPartition

from lab.live.connect import Connect
from lab.live.connectors import SOURCE, wait_until, wait_until_running
from lab.live.kafka import between, consumer, producer, up_to
from lab.live.readings import PLACE, note
from lab.live.status import reads_tables
from lab.waiting import until
from lakelab.catalogue import TABLES, Kind, Table
from lakelab.database import Connect as ConnectErp
from lakelab.database import connected, told
from lakelab.errors import LabError

Say = Callable[[str], None]

SETTLED = 120.0  # seconds until a connector that has read all tables has written that down
WAITING = 600.0  # seconds that somebody else's repair may take
_LOCK = 5_417_001  # of the ERP: one repair at a time
_DEAD = b'"op":"d"'
# Little at once: rows are read packed, and this runs beside the watch, too.
_SPARING = {"max_poll_records": 2000, "max_partition_fetch_bytes": 256 * 1024, "fetch_max_bytes": 1024 * 1024}


class BusyError(LabError):
    """Somebody else compares or repairs already."""


@dataclass(frozen=True)
class Last:
    """Where a key's last message is, and whether it says that the row is there."""

    partition: int
    offset: int
    alive: bool


@contextlib.contextmanager
def alone(owner: ConnectErp, seconds: float = WAITING) -> Iterator[None]:
    """One repair at a time, by a lock in the ERP. BusyError where it is not free in time."""
    with connected(owner) as session:
        session.autocommit = True
        busy = BusyError("tables are read again or compared already", fix="wait until that is done")
        until(lambda: _locked(session), seconds, busy)
        yield


def _locked(session: Any) -> bool:
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
            return bool(cursor.fetchone()[0])
    except psycopg2.Error as error:
        raise told(error, "*") from None


@dataclass(frozen=True)
class Comparison:
    """What a comparison works on. owner: sessions of the tables' owner."""

    connect: Connect
    owner: ConnectErp
    bootstrap: str
    say: Say

    def run(self, tables: Sequence[Table] = TABLES) -> int:
        """Write a deletion for each row that Kafka has and the ERP has not; returns how many. To be done `alone`.

        A comparison of all tables is noted: readings that began before are doubtful no more. A killed one is begun
        again by the next. LabError: Connect, the ERP or Kafka do not answer.
        """
        with consumer(self.bootstrap) as client:
            covers = int(client.end_offsets([PLACE])[PLACE])
        self._settle()
        self.stop()
        try:
            deleted = sum(self._table(table) for table in tables)
        finally:
            self.connect.resume(SOURCE)
            wait_until_running(self.connect, SOURCE)
        if list(tables) == list(TABLES):
            with producer(self.bootstrap) as client:
                client.send(PLACE.topic, value=note(covers, deleted)).get(SETTLED)
        return deleted

    def stop(self) -> None:
        """End the connector's tasks, and wait until they have ended."""
        self.connect.stop(SOURCE)
        wait_until(self.connect, SOURCE, lambda state: state.connector == "STOPPED" and not state.tasks, "stopped")

    def _settle(self) -> None:
        """Wait until Connect has it that all tables are read: a connector that is stopped before reads them again."""
        if self.connect.state(SOURCE).connector == "STOPPED":  # by somebody who was killed
            self.connect.resume(SOURCE)
            wait_until_running(self.connect, SOURCE)
        late = LabError("the tables are being read still", fix="see `lab cdc status`, then again")
        until(lambda: not reads_tables(self.connect), SETTLED, late)

    def _table(self, table: Table) -> int:
        present, lsn = keys_in_erp(self.owner, table)
        gone = gone_from(self.bootstrap, table.topic, present)
        if gone:
            self.say(f"{table.name}: {len(gone):,} rows were deleted while nobody looked")
            delete(self.bootstrap, table.topic, gone, lsn)
        return len(gone)


class Keys:
    """The keys of a table, in order: eight bytes each where they are numbers."""

    def __init__(self, numbers: bool) -> None:
        self._keys: Any = array("q") if numbers else []

    def add(self, key: Any) -> None:
        """Add the next key in order."""
        self._keys.append(key)

    def __contains__(self, key: Any) -> bool:
        at = bisect.bisect_left(self._keys, key)
        return at < len(self._keys) and bool(self._keys[at] == key)

    def __len__(self) -> int:
        return len(self._keys)


def keys_in_erp(erp: ConnectErp, table: Table) -> tuple[Keys, int]:
    """The keys of a table, and a place in the log that is not after the moment of their reading."""
    numbers = table.column("id").kind is Kind.INT
    keys = Keys(numbers)
    with connected(erp) as session:
        try:
            with session.cursor() as cursor:
                cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
                lsn = int(cursor.fetchone()[0])
            with session.cursor("keys") as cursor:  # on the server's side: rows come some thousand at a time
                order = "id" if numbers else 'id COLLATE "C"'  # texts as Python orders them
                cursor.execute(f"SELECT id FROM public.{table.name} ORDER BY {order}")
                for row in cursor:
                    keys.add(row[0])
        except psycopg2.Error as error:
            raise told(error, table.name) from None
    return keys, lsn


def gone_from(bootstrap: str, topic: str, present: Keys) -> dict[bytes, Last]:
    """The last message of each key that has a row in the topic and is not in `present`.

    The whole topic is read, as far as it is committed now.
    """
    found: dict[bytes, Last] = {}
    with consumer(bootstrap, **_SPARING) as client:
        places = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]
        client.assign(places)
        client.seek_to_beginning(*places)
        for record in up_to(client, client.end_offsets(places)):
            if json.loads(record.key)["id"] not in present:
                alive = record.value is not None and _DEAD not in record.value
                found[record.key] = Last(record.partition, record.offset, alive)
    return {key: last for key, last in found.items() if last.alive}


def delete(bootstrap: str, topic: str, gone: dict[bytes, Last], lsn: int) -> None:
    """A deletion and a tombstone for each key, as Debezium would have written them, all of them or none."""
    with producer(bootstrap, transactional_id=f"lab-resnapshot-{topic}") as client:
        client.init_transactions()
        client.begin_transaction()
        for key, value in _last_values(bootstrap, topic, gone):
            client.send(topic, key=key, value=_deletion(value, lsn), partition=gone[key].partition)
            client.send(topic, key=key, value=None, partition=gone[key].partition)
        client.commit_transaction()


def _last_values(bootstrap: str, topic: str, places: dict[bytes, Last]) -> list[tuple[bytes, bytes]]:
    """The messages at these places."""
    found = []
    with consumer(bootstrap, max_poll_records=1) as client:
        client.assign([TopicPartition(topic, number) for number in {place.partition for place in places.values()}])
        for key, place in places.items():
            partition = TopicPartition(topic, place.partition)
            (record,) = between(client, partition, place.offset, place.offset + 1)
            found.append((key, record.value))
    return found


def _deletion(value: bytes, lsn: int) -> bytes:
    """The change that deletes the row which `value`, its last change, has left."""
    last, now = json.loads(value), time.time_ns() // 1_000_000
    source = {**last["source"], "lsn": lsn, "ts_ms": now, "snapshot": "false", "txId": None, "sequence": None}
    return json.dumps(
        {"before": last["after"], "after": None, "source": source, "transaction": None, "op": "d", "ts_ms": now},
        ensure_ascii=False, separators=(",", ":"),
    ).encode()  # fmt: skip
