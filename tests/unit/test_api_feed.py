"""The API's feed: a consumer that has lost all brokers is replaced by one that goes on where it was."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from polling import poll_until

from lakelab import librdkafka
from services.api import feed
from services.api.feed import Feed, Watchers
from services.api.quotes import Board

TOPIC = feed.QUOTES


class Kafka:
    """One partition of quotes. The first consumer reads one message of it, and finds no broker ever after."""

    def __init__(self) -> None:
        self.consumers: list[Consumer] = []

    def consumer(self, settings: dict[str, Any]) -> Consumer:
        self.consumers.append(Consumer(lost_after=1 if not self.consumers else None))
        return self.consumers[-1]


class Consumer:
    def __init__(self, lost_after: int | None) -> None:
        self.lost_after, self.read, self.closed = lost_after, 0, False
        self.places: list[tuple[str, int, int]] = []

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.places = [(p.topic, p.partition, p.offset) for p in partitions]

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.places += [(p.topic, p.partition, p.offset) for p in partitions]

    def list_topics(self, topic: str | None, timeout: float) -> Any:
        if self.read == self.lost_after:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(topics={TOPIC: SimpleNamespace(error=None, partitions={0: None})})

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, 7

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, 0, 5)]

    def poll(self, seconds: float) -> Any:
        if self.read == self.lost_after or not self.places:
            return None
        self.read += 1
        topic, partition, offset = self.places[0]
        self.places[0] = (topic, partition, offset + 1)
        return Record(offset)

    def consume(self, count: int, seconds: float) -> list[Any]:
        return []

    def close(self) -> None:
        self.closed = True


class Record:
    def __init__(self, offset: int) -> None:
        self._offset = offset

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        quote = {"symbol": f"S{self._offset}", "price": 1, "volume": 1, "event_time": "2026-01-01T00:00:00+00:00"}
        return json.dumps(quote).encode()

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


def test_a_consumer_that_lost_all_brokers_is_replaced_and_nothing_is_read_twice(monkeypatch: pytest.MonkeyPatch):
    kafka = Kafka()
    monkeypatch.setattr(feed, "Consumer", kafka.consumer)
    monkeypatch.setattr(feed, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(librdkafka, "LOST", 0.0)

    async def read() -> list[str]:
        seen: list[str] = []
        board = Board()
        monkeypatch.setattr(board, "add", lambda quotes: seen.extend(quote.symbol for quote in quotes))
        one = Feed("127.0.0.1:1", board, Watchers())
        await asyncio.to_thread(poll_until, lambda: len(seen) > 3, "the feed to go on")
        await asyncio.to_thread(one.close)
        return seen

    seen = asyncio.run(read())
    assert seen == [f"S{number}" for number in range(5, 5 + len(seen))]
    assert [each.closed for each in kafka.consumers] == [True, True]
