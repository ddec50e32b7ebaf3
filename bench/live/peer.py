"""Debezium as it comes: a worker of Kafka Connect of its own with default settings, and a connector with default
settings on the same tables. Both, their topics and their replication slot are gone at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kafka.admin import NewTopic

from lab.live.connect import Connect
from lab.live.connectors import SOURCE, definitions, wait_until, wait_until_running
from lab.live.kafka import admin
from lab.live.source import READER
from lab.stack.compose import docker, image_tag
from lab.stack.place import HOST, Stack
from lab.waiting import until
from lakelab.catalogue import TABLES, Table
from lakelab.database import connected
from lakelab.errors import LabError
from lakelab.topics import REPLICATION, topic

NAME = "bench-default"  # the connector, and what its worker's group and topics begin with
PREFIX, SLOT = "bench", "bench_default"
INTERNAL = tuple(f"{NAME}-{kind}" for kind in ("configs", "offsets", "status"))
START_SECONDS = 180.0
_CLASS = "io.debezium.connector.postgresql.PostgresConnector"
_FOLDER = Path(__file__).parent / "debezium"
# Of ours, what is about where things are, and not about how they are done.
_WHERE = (
    "database.hostname", "database.port", "database.dbname", "database.user", "database.password",
    "table.include.list", "plugin.name", "publication.name", "publication.autocreate.mode",
)  # fmt: skip


def topic_of(table: Table) -> str:
    """Where the default connector writes the table's changes."""
    return f"{PREFIX}.public.{table.name}"


def default_config() -> dict[str, str]:
    """What the connector cannot run without; and no snapshot, as only what changes from now on is compared."""
    ours = next(found.config for found in definitions() if found.name == SOURCE)
    where = {key: ours[key] for key in _WHERE}
    return {"connector.class": _CLASS, **where, "topic.prefix": PREFIX, "slot.name": SLOT, "snapshot.mode": "no_data"}


class Peer:
    """The default connector while it runs."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def settings(self, more: Mapping[str, str]) -> None:
        """Go on with the default settings and these; when it runs."""
        self._connect.put(NAME, {**default_config(), **more})
        wait_until_running(self._connect, NAME)

    def stop(self) -> None:
        """Follow no more; the ERP keeps its log for it."""
        self._connect.stop(NAME)
        wait_until(self._connect, NAME, lambda state: not state.tasks, "stopped")

    def resume(self) -> None:
        """Go on, with what was changed meanwhile first."""
        self._connect.resume(NAME)
        wait_until_running(self._connect, NAME)


@contextlib.contextmanager
def default_debezium(stack: Stack) -> Iterator[Peer]:
    """A worker and a connector, both with default settings, from the start of the block to its end. LabError."""
    container, password = f"{stack.environment.project}-{NAME}", stack.environment["CDC_PASSWORD"]
    _clear(stack, container)
    try:
        _make_topics(stack)
        docker(
            "run", "--detach", "--init", "--name", container, "--network", f"{stack.environment.project}_default",
            "--user", "kafka", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--memory", "768m",
            "--publish", f"{HOST}::8083", "--volume", f"{_FOLDER}:/opt/bench:ro", "--env", "KAFKA_CONF=/opt/bench",
            "--env", "BOOTSTRAP=kafka-1:9092,kafka-2:9092", "--env", f"CDC_PASSWORD={password}",
            f"lakelab/kafka:{image_tag(stack.environment)}", "connect",
        )  # fmt: skip
        port = docker("port", container, "8083/tcp").splitlines()[0].rpartition(":")[2]
        connect = Connect(f"http://{HOST}:{port}")
        until(lambda: _answers(connect), START_SECONDS, LabError("the default worker did not start", fix="report it"))
        peer = Peer(connect)
        peer.settings({})
        yield peer
    finally:
        _clear(stack, container)


def _answers(connect: Connect) -> bool:
    try:
        return connect.names() is not None
    except LabError:
        return False


def _make_topics(stack: Stack) -> None:
    """With as many partitions and replicas as ours have: brokers make none by themselves."""
    with admin(stack.kafka) as client:
        client.create_topics(
            [NewTopic(topic_of(table), topic(table.topic).partitions, REPLICATION) for table in TABLES]
        )


def _clear(stack: Stack, container: str) -> None:
    """Take away what a run, or one that was cut off, has left."""
    docker("rm", "--force", "--volumes", container, check=False)
    ours = {*INTERNAL, *(topic_of(table) for table in TABLES)}
    with admin(stack.kafka) as client:
        there = sorted(ours & set(client.list_topics()))
        if there:
            client.delete_topics(there)
            gone = LabError("topics of the benchmark stay", fix="see `lab kafka topics --all`")
            until(lambda: not ours & set(client.list_topics()), 30, gone)
    with connected(stack.connecting(READER)) as session, session.cursor() as cursor:
        session.autocommit = True
        until(lambda: _dropped(cursor), 30, LabError(f"slot {SLOT} is in use", fix="end who reads it, then again"))


def _dropped(cursor: Any) -> bool:
    """Drop the slot, if it is there and nobody reads it any more; whether it is gone."""
    cursor.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (SLOT,))
    row = cursor.fetchone()
    if row and not row[0]:
        cursor.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))
        return True
    return row is None
