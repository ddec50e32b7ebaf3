"""The API as a server on this machine: real Postgres, and the broker that Kafka's client library brings for tests.

That broker speaks Kafka's protocol and keeps what it is sent; what brokers do when they die is in tests/stack.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import psycopg2
import pytest
import uvicorn
from confluent_kafka import Consumer, Producer, TopicPartition
from demo_lab import free_port
from erp_server import Erp
from polling import poll_until

from lab.embedded.postgres import OWNER
from lakelab.catalogue import DATABASE
from services.api.app import create_app
from services.api.settings import Settings, Tokens

TOKENS = Tokens("reader-" + "r" * 24, "events-" + "e" * 24, "erp-" + "p" * 24)
NOWHERE = "127.0.0.1:1"


class Broker:
    """A Kafka of two brokers inside a client's process, with the topics of events."""

    def __init__(self) -> None:
        self._home = Producer({"test.mock.num.brokers": 2, "bootstrap.servers": "unused", "log_level": 2})
        found = poll_until(lambda: self._home.list_topics(timeout=5).brokers, "the brokers")
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in found.values())

    def records(self, topic: str) -> list[Any]:
        """All that is on a topic."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "test", "log_level": 2})
        try:
            partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
            ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=5)[1] for p in partitions}
            consumer.assign([TopicPartition(topic, p, 0) for p, end in ends.items() if end])
            found: list[Any] = []
            places = [TopicPartition(topic, p) for p, end in ends.items() if end]

            def read_all() -> bool:
                found.extend(consumer.consume(100, 0.1))
                return all(place.offset >= ends[place.partition] for place in consumer.position(places))

            poll_until(read_all, f"the end of {topic}")
            # Without the markers of settling: this broker does not hide what was aborted.
            return [record for record in found if record.headers()]
        finally:
            consumer.close()


@dataclass(frozen=True)
class Api:
    """A running instance."""

    url: str
    settings: Settings

    def client(self, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@contextmanager
def serving(settings: Settings) -> Iterator[Api]:
    """An instance in a thread of its own, for the length of the block."""
    port = free_port()
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        poll_until(lambda: server.started or not thread.is_alive(), "the API")
        assert thread.is_alive(), "the API did not start"
        yield Api(f"http://127.0.0.1:{port}", settings)
    finally:
        server.should_exit = True
        thread.join(30)


def database(erp: Erp) -> str:
    place = erp.server.place
    return f"postgresql://{OWNER}:{place.secrets['ERP_OWNER_PASSWORD']}@127.0.0.1:{erp.server.port}/{DATABASE}"


@pytest.fixture(scope="session")
def broker() -> Broker:
    return Broker()


@pytest.fixture(scope="session")
def api_settings(erp_server: Erp, broker: Broker) -> Settings:
    """Ids are kept in a database of their own, as in the stack."""
    connection = erp_server.server.connect("postgres", "postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE api OWNER {OWNER}")
    connection.close()
    erp = database(erp_server)
    return Settings(erp, erp.rpartition("/")[0] + "/api", broker.address, ("127.0.0.1", 1), TOKENS, instance="one")


@pytest.fixture(scope="session")
def api(api_settings: Settings) -> Iterator[Api]:
    with serving(api_settings) as running:
        yield running


@pytest.fixture(scope="session")
def two(api: Api) -> Iterator[tuple[Api, Api]]:
    """Two instances, as behind a load balancer."""
    with ExitStack() as stack:
        yield api, stack.enter_context(serving(replace(api.settings, instance="two")))


@contextmanager
def ids(api: Api) -> Iterator[Any]:
    """A cursor on the database of the ids; commits at once."""
    connection = psycopg2.connect(api.settings.ids_database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
