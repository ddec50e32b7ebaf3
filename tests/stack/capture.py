"""What the tests of change data capture look with: topics, read by kafka-python itself, and the ERP's rows."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from kafka import KafkaConsumer, TopicPartition
from live import Live
from polling import poll_until

from lab.live.kafka import METADATA_AGE, up_to
from lakelab.catalogue import TABLES

Row = dict[str, Any]


def committed(consumer: KafkaConsumer, places: Sequence[TopicPartition]) -> Iterator[Any]:
    """The messages from where the consumer is up to what is committed by now."""
    return up_to(consumer, consumer.end_offsets(places))


@dataclass
class Followed:
    """A topic from its first message on.

    state: the rows that are there.  changes: every change, tombstones as None.  since: how many are of earlier tests.
    """

    consumer: KafkaConsumer
    places: list[TopicPartition]
    state: dict[Any, Row] = field(default_factory=dict)
    changes: list[tuple[Any, Row | None]] = field(default_factory=list)
    since: int = 0

    def read(self) -> Followed:
        """Take in what is committed by now."""
        for record in committed(self.consumer, self.places):
            self._take(record)
        return self

    def _take(self, record: Any) -> None:
        key = json.loads(record.key)["id"]
        change = None if record.value is None else json.loads(record.value)
        self.changes.append((key, change))
        if change is None or change["op"] == "d":
            self.state.pop(key, None)
        else:
            self.state[key] = change["after"]

    def of(self, key: Any) -> list[Row | None]:
        """The changes of one row in this test."""
        return [change for each, change in self.recent if each == key]

    @property
    def recent(self) -> list[tuple[Any, Row | None]]:
        """The changes of this test."""
        return self.changes[self.since :]


class Capture:
    """The ERP of a stack and its topics."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.bootstrap = live.stack.kafka.split(",")
        self._followed: dict[str, Followed] = {}

    def topic(self, table: str) -> Followed:
        """The changes of a table, up to now."""
        if table not in self._followed:
            consumer = KafkaConsumer(
                bootstrap_servers=self.bootstrap, isolation_level="read_committed", enable_auto_commit=False,
                max_poll_records=5000, metadata_max_age_ms=METADATA_AGE,
            )  # fmt: skip
            name = f"erp.public.{table}"
            places = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name)]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            self._followed[table] = Followed(consumer, places)
        return self._followed[table].read()

    def begin(self, *tables: str) -> None:
        """What these topics hold now is of earlier tests, or of an earlier session on the same stack."""
        for table in tables:
            followed = self.topic(table)
            followed.since = len(followed.changes)

    def close(self) -> None:
        for followed in self._followed.values():
            followed.consumer.close()

    @contextmanager
    def erp(self, role: str = "erp_owner") -> Iterator[Any]:
        """A cursor in a transaction of its own, committed at the end."""
        with self._session(self.live.stack.connecting(role)) as cursor:
            yield cursor

    @contextmanager
    def warehouse(self) -> Iterator[Any]:
        environment = self.live.stack.environment
        with self._session(
            lambda: psycopg2.connect(
                host="127.0.0.1", port=environment.port("ERP_PORT"), user="warehouse", dbname="warehouse",
                password=environment["WAREHOUSE_PASSWORD"],
            )
        ) as cursor:  # fmt: skip
            yield cursor

    @contextmanager
    def _session(self, connect: Any) -> Iterator[Any]:
        connection = connect()
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def run(self, *statements: str) -> None:
        """Statements of the ERP's owner, one transaction."""
        with self.erp() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, table: str) -> dict[Any, Row]:
        """The table in the ERP, as its changes write values."""
        with self.erp() as cursor:
            return _rows(cursor, table)

    def warehouse_rows(self, table: str) -> dict[Any, Row]:
        with self.warehouse() as cursor:
            return _rows(cursor, table)

    def agree(self, *tables: str, seconds: float = 120) -> None:
        """Wait until topic and ERP have the same rows."""
        for table in tables or [t.name for t in TABLES]:
            poll_until(
                lambda t=table: self.topic(t).state == self.rows(t), f"topic and table {table} to agree", seconds
            )

    def comes(self, table: str, key: Any, count: int) -> list[Row | None]:
        """The changes of a row, once there are so many."""
        return poll_until(
            lambda: len(found := self.topic(table).of(key)) >= count and found, f"{count} changes of {table} {key}"
        )


def _rows(cursor: Any, table: str) -> dict[Any, Row]:
    cursor.execute(f"SELECT * FROM public.{table}")
    names = [column.name for column in cursor.description]
    return {row[names.index("id")]: dict(zip(names, map(_written, row), strict=True)) for row in cursor.fetchall()}


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, (datetime.date, decimal.Decimal)) else value
