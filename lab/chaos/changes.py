"""Load on the ERP: transactions on rows of its own in `companies`, and what Kafka must say of them in the end."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import psycopg2
from kafka import TopicPartition

from lab.chaos.load import PATIENCE, Load
from lab.live.kafka import consumer
from lakelab.catalogue import table
from lakelab.database import Connect, connected
from lakelab.errors import LabError

RATE = 50.0  # transactions a second at most
TABLE = table("companies")
COUNTED = range(9700000, 9700005)  # rows whose head count goes up by one in each transaction that is theirs
ADDED = range(9710000, 9800000)  # rows that come, one a transaction, and every other one of which goes again
_NEW = f"INSERT INTO {TABLE.name} VALUES (%s, 'Chaos', 'IT', 'Lyon', 'Rhône', 1)"
_COUNT = f"UPDATE {TABLE.name} SET employees = employees + 1 WHERE id = %s"
_GONE = f"DELETE FROM {TABLE.name} WHERE id = %s"
_OURS = f"DELETE FROM {TABLE.name} WHERE id >= {COUNTED.start} AND id < {ADDED.stop}"


class Changes(Load):
    """Transactions, one after the other, until it is told to stop.

    connect: opens sessions of the tables' owner.  rate: transactions a second at most.
    done: those that the ERP confirmed.  unsure: those that a dead server left without an answer.
    """

    name, log = "ERP", "make logs"

    def __init__(self, connect: Connect, kafka: str, rate: float = RATE) -> None:
        super().__init__()
        self.connect, self.kafka, self.rate = connect, kafka, rate
        self.done = self.unsure = 0
        self._number = self._begin = 0

    def _prepare(self) -> None:
        self.clean()  # of a run that was cut off
        self._begin = self._end()
        with connected(self.connect) as session, session.cursor() as cursor:
            cursor.executemany(_NEW, [(key,) for key in COUNTED])
            session.commit()

    def clean(self) -> None:
        """Take the load's rows out of the ERP."""
        with connected(self.connect) as session, session.cursor() as cursor:
            cursor.execute(_OURS)
            session.commit()

    def proof(self) -> list[str]:
        """What is wrong with the changes in Kafka, row by row: each head count once, in order, up to the ERP's own."""
        expected = self._counted()
        found = self._told_by_kafka(expected)
        return [
            f"{TABLE.topic}, key {key}: {_difference(found[key], last)}"
            for key, last in expected.items()
            if found[key] != list(range(1, last + 1))
        ]

    def _work(self) -> None:
        """Go on with a new session when one breaks."""
        since = time.monotonic()
        while not self._over.is_set():
            before = self.done
            try:
                with connected(self.connect) as session:
                    while not self._over.is_set() and self._number < len(ADDED):
                        self._transaction(session)
                        self._over.wait(1 / self.rate)
                    return
            except (LabError, psycopg2.Error) as error:
                since = time.monotonic() if self.done > before else since
                if time.monotonic() - since > PATIENCE:
                    self._trouble = " ".join(str(error).split())
                    return
            self._over.wait(0.3)

    def _transaction(self, session: Any) -> None:
        """A row is counted up, another comes, and every second time one goes. Its number is never used again."""
        number, self._number = self._number, self._number + 1
        with session.cursor() as cursor:
            cursor.execute(_COUNT, (COUNTED[number % len(COUNTED)],))
            cursor.execute(_NEW, (ADDED[number],))
            if number % 2:
                cursor.execute(_GONE, (ADDED[number // 2],))
        self.unsure += 1
        session.commit()
        self.unsure -= 1
        self.done += 1

    def _counted(self) -> dict[int, int]:
        with connected(self.connect) as session, session.cursor() as cursor:
            cursor.execute(f"SELECT id, employees FROM {TABLE.name} WHERE id = ANY(%s)", (list(COUNTED),))
            return dict(cursor.fetchall())

    def _end(self) -> int:
        with consumer(self.kafka) as client:
            place = TopicPartition(TABLE.topic, 0)
            return int(client.end_offsets([place])[place])

    def _told_by_kafka(self, until: dict[int, int]) -> dict[int, list[int]]:
        """Each counted row's head counts in the order of the topic, read until the last ones are there."""
        found: dict[int, list[int]] = {key: [] for key in until}
        place, end = TopicPartition(TABLE.topic, 0), time.monotonic() + PATIENCE
        with consumer(self.kafka) as client:
            client.assign([place])
            client.seek(place, self._begin)
            while any(until[key] not in found[key] for key in until) and time.monotonic() < end:
                for record in itertools.chain(*client.poll(timeout_ms=500).values()):
                    key, after = json.loads(record.key)["id"], record.value and json.loads(record.value)["after"]
                    if key in found and after:
                        found[key].append(after["employees"])
        return found


def _difference(found: list[int], last: int) -> str:
    """In words, how a row's head counts differ from 1, 2, … last."""
    missing, twice = set(range(1, last + 1)) - set(found), len(found) - len(set(found))
    order = "" if found == sorted(found) else ", out of order"
    return f"{len(missing)} of {last} changes are missing, {twice} came more than once{order}"
