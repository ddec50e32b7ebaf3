"""The change topics, read from a given place on by librdkafka, in batches that fit into little memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from lab.live.lake.names import GROUP
from lakelab import librdkafka
from lakelab.catalogue import TABLES, Table
from lakelab.changes import READ, Change, PoisonousMessageError, read_change
from lakelab.errors import LabError

WINDOW = 0.1  # seconds that a batch is open after its first message, and longer while there are more at once
BATCH = 12 * 2**20  # bytes of messages in one batch, about
SECONDS = 15.0

_BY_TOPIC = {table.topic: table for table in TABLES}
_SETTINGS: dict[str, Any] = {
    "client.id": "lakelab-lake",
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    # What is fetched ahead of each partition: little, as it is ten times as much unpacked, and asked for again at once.
    "queued.max.messages.kbytes": 4096,
    "fetch.message.max.bytes": 64 * 1024,
    "fetch.queue.backoff.ms": 10,
    "fetch.error.backoff.ms": 100,
}

Place = tuple[str, int]  # topic and partition


@dataclass
class Poison:
    """A message that is no change: where it was, what it is, and why it is none."""

    place: Place
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str


@dataclass
class Taken:
    """A batch: changes by table and partition, in their order, and where each partition goes on after it."""

    changes: dict[str, dict[int, list[Change]]] = field(default_factory=dict)
    poison: list[Poison] = field(default_factory=list)
    next: dict[Place, int] = field(default_factory=dict)
    count: int = 0

    @property
    def oldest(self) -> int | None:
        """When the first of its changes was committed, in milliseconds; None where none was just made."""
        times = [c.at for parts in self.changes.values() for cs in parts.values() for c in cs if c.op != READ]
        return min(times, default=None)


class Changes:
    """A consumer of the change topics. OSError: Kafka refuses, or does not answer."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._reached: dict[Place, int] = {}  # how far the lake is
        self._known: dict[Place, int] = {}  # what Kafka has confirmed of it
        self._telling = False
        settings = {**librdkafka.reader(bootstrap, GROUP), **_SETTINGS, "on_commit": self._confirmed}
        self._consumer = Consumer(settings)
        self._reach = librdkafka.Reach(self._consumer)

    def topics(self) -> dict[str, str]:
        """The id of each change topic. LabError: one is not there."""
        client = AdminClient(librdkafka.client(self._bootstrap))
        try:
            answers = client.describe_topics(TopicCollection(list(_BY_TOPIC)), request_timeout=SECONDS)
            return {name: str(answer.result(SECONDS).topic_id) for name, answer in answers.items()}
        except (KafkaException, TimeoutError) as error:
            raise LabError(f"Kafka says: {error}", where=self._bootstrap, fix="see `make status`") from None

    def begin(self, after: Mapping[Place, int]) -> None:
        """Read each partition from the message after that offset on; a negative one means from the first."""
        self._consumer.assign(
            [TopicPartition(*place, last + 1 if last >= 0 else OFFSET_BEGINNING) for place, last in after.items()]
        )

    def take(self, seconds: float) -> Taken:
        """The next messages: none where none come in time. LabError: Kafka is away, or a partition cannot be read."""
        taken, size = Taken(), 0
        end = time.monotonic() + seconds
        while size < BATCH:
            message = self._consumer.poll(max(0.0, end - time.monotonic()))
            if message is None:
                break
            if message.error():
                self._noted(message, taken)
                continue
            if not taken.count:
                end = time.monotonic() + WINDOW
            size += _add(message, taken)
        if taken.count:
            self._reach.heard()
            return taken
        try:
            self._reach.look(TABLES[0].topic)
        except KafkaException:
            raise LabError("Kafka does not answer", where=self._bootstrap, fix="see `make status`") from None
        return taken

    def tell(self, places: Mapping[Place, int]) -> None:
        """Tell Kafka how far the lake is, for those who look.

        What Kafka has not confirmed is told again at the next call: a broker that dies takes the answer with it, and
        a partition in which nothing happens would look as if the lake were behind.
        """
        self._reached |= places
        news = {place: offset for place, offset in self._reached.items() if self._known.get(place) != offset}
        if news and not self._telling:
            self._telling = True
            offsets = [TopicPartition(*place, offset) for place, offset in news.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def _confirmed(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        """Called out of `take`, with Kafka's answer or why there is none."""
        self._telling = False
        if error is None:
            self._known |= {(each.topic, each.partition): each.offset for each in offsets if each.error is None}

    def close(self) -> None:
        self._consumer.close()

    def _noted(self, message: Any, taken: Taken) -> None:
        """The end of a partition, as offsets count it: beyond the marks of transactions that are no messages."""
        if message.error().code() != KafkaError._PARTITION_EOF:
            raise LabError(f"Kafka says: {message.error().str()}", where=f"{message.topic()}", fix="see `make status`")
        taken.next[message.topic(), message.partition()] = message.offset()


def _add(message: Any, taken: Taken) -> int:
    """Put a message into the batch; returns its size."""
    place, offset = (message.topic(), message.partition()), message.offset()
    key, value = message.key(), message.value()
    table: Table = _BY_TOPIC[place[0]]
    taken.next[place] = offset + 1
    taken.count += 1
    try:
        change = read_change(table, key, value, offset)
    except PoisonousMessageError as error:
        taken.poison.append(Poison(place, offset, key, value, str(error)))
    else:
        if change is not None:
            taken.changes.setdefault(table.name, {}).setdefault(place[1], []).append(change)
    return len(value or b"") + len(key or b"")
