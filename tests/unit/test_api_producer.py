"""The API's producer: how events gather, and what it does where Kafka's client library refuses one at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from polling import poll_until

from lakelab import librdkafka
from services.api.events import TYPES, Ready
from services.api.intake import producer
from services.api.intake.producer import KafkaAway, Place


class Delivered:
    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return 7


class Client:
    """Knows no topic before it has looked for them."""

    leader = 1

    def __init__(self, settings: dict[str, Any]) -> None:
        self.looked, self.waiting = False, list[Any]()

    def produce(self, *args: Any, on_delivery: Any, **more: Any) -> None:
        if not self.looked:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        self.waiting.append(on_delivery)

    def list_topics(self, topic: str | None = None, timeout: float = 0.0) -> Any:
        self.looked = True
        partitions = {0: SimpleNamespace(leader=1), 1: SimpleNamespace(leader=self.leader)}
        return SimpleNamespace(topics={t.topic: SimpleNamespace(partitions=partitions) for t in TYPES.values()})

    def poll(self, seconds: float) -> None:
        while self.waiting:
            self.waiting.pop()(None, Delivered())

    def flush(self, seconds: float) -> None:
        pass


EVENT = Ready("app-events", "event-0001", b"key", b"{}", True)


def test_a_topic_that_is_not_known_yet_is_looked_for_and_events_are_taken_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(producer, "Client", Client)

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", lambda why: None)
        assert one.away == ""
        with pytest.raises(KafkaAway):
            await one.send(EVENT)
        assert one.away  # which is what makes an instance look
        await asyncio.to_thread(one.look)
        assert one.away == ""
        assert await asyncio.wait_for(one.send(EVENT), 10) == Place(1, 7)
        await one.close()

    asyncio.run(send())


class Stuck(Client):
    """Refuses every event, whatever it knows."""

    def produce(self, *args: Any, **more: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._STATE))


@pytest.mark.parametrize(
    ("seconds", "leader", "ends"),
    [(producer.IN_VAIN + 1, 1, True), (producer.IN_VAIN - 1, 1, False), (producer.IN_VAIN + 1, -1, False)],
    ids=["stuck", "not for long", "Kafka itself is ill"],
)
def test_a_client_that_fails_for_long_where_another_one_would_not_is_broken(monkeypatch, seconds, leader, ends):
    monkeypatch.setattr(producer, "Client", Stuck)
    monkeypatch.setattr(Client, "leader", leader)
    clock = [100.0]
    monkeypatch.setattr(producer, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    told = list[str]()

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", told.append)
        for _ in range(2):
            with pytest.raises(KafkaAway):
                await one.send(EVENT)
            clock[0] += seconds
        await asyncio.to_thread(one.look)
        await one.close()

    asyncio.run(send())
    assert bool(told) is ends


@pytest.mark.parametrize(
    ("seconds", "leader", "ends"),
    [(librdkafka.LOST + 1, 1, True), (librdkafka.LOST - 1, 1, False), (librdkafka.LOST + 1, -1, False)],
    ids=["lost", "not for long", "Kafka itself is ill"],
)
def test_a_client_that_finds_no_broker_for_long_where_another_one_does_is_broken(monkeypatch, seconds, leader, ends):
    monkeypatch.setattr(producer, "Client", Client)
    monkeypatch.setattr(Client, "leader", leader)
    clock = [100.0]
    monkeypatch.setattr(librdkafka, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    told = list[str]()

    def lost(*_: Any, **more: Any) -> Any:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    async def look() -> None:
        one = producer.Producer("127.0.0.1:1", "test", told.append)
        monkeypatch.setattr(one._client, "list_topics", lost)
        await asyncio.to_thread(one.look)
        assert one.away
        assert not told
        clock[0] += seconds
        await asyncio.to_thread(one.look)
        await one.close()

    asyncio.run(look())
    assert bool(told) is ends


class Slow(Client):
    """Tells of a delivery when the test says so."""

    tells = False

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.looked, self.beats = True, 0

    def poll(self, seconds: float) -> None:
        self.beats += 1
        if self.tells:
            super().poll(seconds)


def test_events_gather_while_one_is_on_its_way_and_are_handed_over_together(monkeypatch):
    monkeypatch.setattr(producer, "Client", Slow)
    monkeypatch.setattr(producer, "LONGEST", 60.0)

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", lambda why: None)
        client: Any = one._client
        first = one.send(EVENT)
        await _until(lambda: len(client.waiting) == 1)
        others = [one.send(EVENT), one.send(EVENT)]
        beats = client.beats
        await _until(lambda: client.beats > beats + 5)
        assert len(client.waiting) == 1
        client.tells = True
        assert await asyncio.wait_for(asyncio.gather(first, *others), 10) == [Place(1, 7)] * 3
        await one.close()

    asyncio.run(send())


def test_an_event_that_nobody_takes_holds_up_the_others_for_a_moment_only(monkeypatch):
    monkeypatch.setattr(producer, "Client", Slow)

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", lambda why: None)
        client: Any = one._client
        events = [one.send(EVENT)]
        await _until(lambda: len(client.waiting) == 1)
        events.append(one.send(EVENT))
        await _until(lambda: len(client.waiting) == 2)
        assert not any(event.done() for event in events)
        client.tells = True
        await asyncio.wait_for(asyncio.gather(*events), 10)
        await one.close()

    asyncio.run(send())


def test_an_event_that_gathered_while_the_process_stood_still_is_not_sent(monkeypatch):
    monkeypatch.setattr(producer, "Client", Slow)
    clock = [100.0]
    monkeypatch.setattr(producer, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", lambda why: None)
        client: Any = one._client
        waiting = one.send(EVENT)
        clock[0] += producer.STOOD_STILL
        with pytest.raises(KafkaAway):
            await asyncio.wait_for(waiting, 10)
        assert not client.waiting
        await one.close()

    asyncio.run(send())


def test_after_many_the_next_gather_while_they_come_and_after_a_lone_one_they_do_not(monkeypatch):
    monkeypatch.setattr(producer, "Client", Slow)
    monkeypatch.setattr(Slow, "tells", True)
    clock = [100.0]
    monkeypatch.setattr(producer, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    async def send() -> None:
        one = producer.Producer("127.0.0.1:1", "test", lambda why: None)

        futures = list[asyncio.Future[Place]]()

        def sent(count: int) -> int:
            """As many events come before a look at the client library; how many are on their way after it."""
            futures.extend(one.send(EVENT) for _ in range(count))
            one._timer.cancel()
            one._beat()
            one._timer.cancel()
            return one._under_way

        assert [sent(1), sent(0), sent(2), sent(0)] == [1, 0, 2, 0]
        assert [sent(1), sent(1), sent(1), sent(0), sent(0)] == [0, 0, 0, 3, 0]
        assert [sent(1), sent(1)] == [0, 0]
        clock[0] += producer.APART  # they do not cease to come
        assert sent(1) == 3
        assert sent(0) == 0
        assert {future.result() for future in futures} == {Place(1, 7)}
        await one.close()

    asyncio.run(send())


async def _until(check: Callable[[], bool]) -> None:
    """The loop goes on meanwhile."""
    await asyncio.to_thread(poll_until, check, "the producer", 10)
