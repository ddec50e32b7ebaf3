"""`lab cdc resnapshot`: tables are read again, and rows whose deletion was missed are deleted in Kafka, too.

A lost slot leaves a gap: changes that the ERP made meanwhile are in no log any more. Reading the tables again brings
back what is there; what is not there any more is found by comparing keys, the topic's with the table's.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg2
from kafka import TopicPartition

from lab.live.comparison import Comparison, Say, alone
from lab.live.connect import Connect
from lab.live.connectors import SOURCE
from lab.live.kafka import consumer
from lab.live.source import SIGNALS, SLOT
from lab.live.status import read_slot
from lakelab.catalogue import TABLES, Table
from lakelab.database import Connect as ConnectErp
from lakelab.database import connected, told
from lakelab.errors import LabError
from lakelab.topics import NOTIFICATIONS

PATIENCE = 1800.0  # seconds for reading all tables


class GaveUpError(LabError):
    """The connector failed while it read tables."""


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
        with alone(self.owner):
            return self._comparison.run(self._read(tables))

    def _read(self, tables: Sequence[Table]) -> Sequence[Table]:
        """Read the tables; returns those that were."""
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
        return tables

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.connect, self.owner, self.bootstrap, self.say)

    def _read_between(self, tables: Sequence[Table]) -> None:
        self.say(f"reading {', '.join(table.name for table in tables)} again, while changes go on")
        signal = f"lab-{time.time_ns()}"
        with self._until_read("Incremental Snapshot", signal):
            self._signal(signal, tables)

    def _begin_anew(self, *, drop: bool) -> None:
        self._comparison.stop()
        if drop:
            _execute(self.reader, "SELECT pg_drop_replication_slot(%s)", SLOT)
        self.connect.forget_offsets(SOURCE)
        self.connect.resume(SOURCE)

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


def _execute(erp: ConnectErp, statement: str, *values: str) -> None:
    with connected(erp) as session, session.cursor() as cursor:
        try:
            cursor.execute(statement, values)
            session.commit()
        except psycopg2.Error as error:
            raise told(error, "*") from None
