"""Clients of the lab's Kafka by kafka-python, with its errors in one line."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, RetriableError

from lakelab.errors import LabError
from lakelab.topics import LARGEST

COMMITTED = "read_committed"  # what a transaction that was given up wrote is not there; kafka-python's default sees it
# How old what it knows of leaders may be, in milliseconds. kafka-python 3.0 asks the old leader for a partition's end
# again and again, until this time is over: its default, five minutes, outlasts every broker's restart.
METADATA_AGE = 2000
SILENCE = 60.0  # seconds without a message that should be there: a broker's restart takes less

# What it logs while a broker is away is told by the error that comes of it.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def admin(bootstrap: str, seconds: float = 10) -> Iterator[Any]:
    """An admin client, closed at the end. LabError where no broker answers in `seconds`, or one refuses."""
    with _told(bootstrap):
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","), client_id="lakelab", bootstrap_timeout_ms=int(seconds * 1000)
        )
        try:
            yield client
        finally:
            client.close()


class Groups:
    """How far consumer groups are, asked again and again. A context; LabError as of `admin`."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._open = contextlib.ExitStack()
        self._client: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: Any) -> None:
        self._open.__exit__(*about)

    def offsets(self, group: str) -> dict[TopicPartition, int]:
        """Where the group goes on in each partition; none while its coordinator is away, or has just moved."""
        self._client = self._client or self._open.enter_context(admin(self._bootstrap))
        try:
            found = self._client.list_group_offsets({group: None}).get(group, {})
        except RetriableError:
            # kafka-python 3.0 would ask the coordinator that it knows for ever: a new client looks for it.
            self._open.close()
            self._client = None
            return {}
        return {place: int(at.offset) for place, at in found.items()}


@contextlib.contextmanager
def consumer(bootstrap: str, **options: Any) -> Iterator[Any]:
    """A consumer that reads what is committed, of no group unless told, closed at the end. LabError as of `admin`."""
    with _told(bootstrap):
        settings = {
            "isolation_level": COMMITTED, "enable_auto_commit": False, "client_id": "lakelab",
            "metadata_max_age_ms": METADATA_AGE, **options,
        }  # fmt: skip
        client = KafkaConsumer(bootstrap_servers=bootstrap.split(","), **settings)
        try:
            yield client
        finally:
            client.close(autocommit=False)


def records(client: Any, place: TopicPartition, start: int, end: int, seconds: float) -> Iterator[Any]:
    """What an assigned partition has from one offset to before another, as far as it comes in that time. KafkaError."""
    client.seek(place, start)
    until = time.monotonic() + seconds
    while client.position(place) < end and time.monotonic() < until:
        for found in client.poll(timeout_ms=500).values():
            yield from found


def up_to(client: Any, ends: Mapping[TopicPartition, int], silence: float = SILENCE) -> Iterator[Any]:
    """What a consumer has before it up to these offsets, as `end_offsets` tells them, and what comes along with it.

    There may be fewer messages than offsets: marks of transactions take some. LabError: none came for so long.
    """
    heard = time.monotonic()
    while any(client.position(place) < end for place, end in ends.items()):
        found = client.poll(timeout_ms=100)  # a poll that finds marks alone takes all of its time
        for some in found.values():
            yield from some
        if found:
            heard = time.monotonic()
        elif time.monotonic() - heard > silence:
            topics = ", ".join(sorted({place.topic for place in ends}))
            raise LabError(f"{topics} cannot be read", fix="`make status` tells what is not well")


def between(client: Any, place: TopicPartition, start: int, end: int) -> list[Any]:
    """What one of the assigned partitions has from one offset to before another; the others are paused. LabError."""
    client.pause(*(other for other in client.assignment() if other != place))
    client.resume(place)
    client.seek(place, start)
    return [record for record in up_to(client, {place: end}) if record.offset < end]


@contextlib.contextmanager
def producer(bootstrap: str, **options: Any) -> Iterator[Any]:
    """A producer that waits for all replicas, closed at the end. LabError as of `admin`."""
    with _told(bootstrap):
        client = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", max_request_size=LARGEST, **options)
        try:
            yield client
        finally:
            client.close()


@contextlib.contextmanager
def _told(bootstrap: str) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        said = " ".join(str(error).split()) or type(error).__name__
        if "NoBrokersAvailable" in said or "bootstrap" in said.lower():
            raise LabError("no broker of Kafka answers", where=bootstrap, fix="`make up`, then again") from None
        raise LabError(f"Kafka says: {said}", where=bootstrap, fix="`make status` tells what is not well") from None
