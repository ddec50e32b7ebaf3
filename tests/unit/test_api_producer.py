"""The API's producer, where Kafka's client library refuses an event at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from services.api.events import Ready
from services.api.intake import producer
from services.api.intake.producer import KafkaAway, Place


class Delivered:
    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return 7


class Client:
    """Knows no topic before it has looked for them."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.looked, self.waiting = False, list[Any]()

    def produce(self, *args: Any, on_delivery: Any, **more: Any) -> None:
        if not self.looked:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        self.waiting.append(on_delivery)

    def list_topics(self, timeout: float) -> None:
        self.looked = True

    def poll(self, seconds: float) -> None:
        while self.waiting:
            self.waiting.pop()(None, Delivered())

    def flush(self, seconds: float) -> None:
        pass


def test_a_topic_that_is_not_known_yet_is_looked_for_and_events_are_taken_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(producer, "Client", Client)
    event = Ready("app-events", "event-0001", b"key", b"{}", True)

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", lambda why: None)
        assert one.away == ""
        with pytest.raises(KafkaAway):
            one.send(event)
        assert one.away  # which is what makes an instance look
        await asyncio.to_thread(one.look)
        assert one.away == ""
        assert await asyncio.wait_for(one.send(event), 10) == Place(1, 7)
        await asyncio.to_thread(one.close)

    asyncio.run(send())
