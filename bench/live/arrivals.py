"""When messages come to a reader of Kafka that reads what is committed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from lakelab.errors import LabError


@dataclass(frozen=True)
class Arrival:
    """A message: where it is, what it says (None of a tombstone), and when it came, by time.perf_counter()."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    at: float

    @property
    def after(self) -> dict[str, Any] | None:
        """The row after a change, out of Debezium's message, with its schema beside it or without. None of a delete."""
        if self.value is None:
            return None
        found = json.loads(self.value)
        row: dict[str, Any] | None = found.get("payload", found)["after"]
        return row


@contextmanager
def reading(bootstrap: str, topics: Sequence[str], seen: Callable[[Arrival], None]) -> Iterator[None]:
    """Calls `seen`, in a thread of its own, for each message of the topics from now on, until the block ends."""
    client = Consumer(
        {
            "bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False,
            "isolation.level": "read_committed", "fetch.queue.backoff.ms": 1, "log_level": 2,
        }
    )  # fmt: skip
    over, trouble = threading.Event(), list[str]()

    def read() -> None:
        while not over.is_set():
            message = client.poll(0.1)  # one by one: consume(n, seconds) holds what it has until there are n
            if message is None:
                continue
            error = message.error()
            if error is None:
                place: tuple[Any, Any, Any] = message.topic(), message.partition(), message.offset()
                seen(Arrival(*place, message.value(), time.perf_counter()))
            elif error.code() != KafkaError._PARTITION_EOF:
                trouble.append(error.str())

    try:
        client.assign(_ends(client, topics))
        client.consume(1, 0.5)  # so that the connections stand before the first message
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
    finally:
        client.close()
    if trouble:
        raise LabError(f"Kafka says: {trouble[0]}", where=bootstrap, fix="see `make status`")


def _ends(client: Any, topics: Sequence[str]) -> list[TopicPartition]:
    found = []
    for name in topics:
        for number in client.list_topics(name, timeout=10).topics[name].partitions:
            place = TopicPartition(name, number)
            found.append(TopicPartition(name, number, client.get_watermark_offsets(place, timeout=10)[1]))
    return found
