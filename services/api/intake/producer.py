"""Events to Kafka: an idempotent producer, and a future for each event that ends when all in-sync replicas have it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as Client

from lakelab import librdkafka
from services.api.events import TYPES, Ready

DELIVERY_SECONDS = 6.0  # an event that Kafka has not taken by then is given up by the client library
BEAT, REST = 0.001, 0.2  # seconds between two looks at the client library: while events are on their way, and else
LONGEST = 0.1  # seconds that events gather while others are on their way
APART = 0.04  # seconds that events gather at most after many were handed over, if they do not cease to come before
STOOD_STILL = 1.0  # seconds of gathering after which an event is not sent any more: the process was stopped meanwhile
IN_VAIN = 60.0  # seconds in which every event failed, after which it is looked whether another client fares better
LINGER = 0.5  # milliseconds that the client library waits for the rest of what it is being handed over
HEADER = "event_id"


class KafkaAway(Exception):
    """Kafka did not take an event in time; whether it has it is not known."""


class KafkaFull(Exception):
    """More events wait for Kafka than this instance may hold; this one was not sent."""


@dataclass(frozen=True)
class Place:
    """Where an event is."""

    partition: int
    offset: int


class Producer:
    """Sends events. Opened in the loop that waits for them.

    While events are on their way, those that come gather and are handed over together, so that Kafka is asked for many
    at once: a request costs the brokers some milliseconds, be it for one event or for thirty. Where many came, those
    who were answered send their next ones one after the other, so a hand-over waits until no more come. It is the loop
    that looks what was delivered: a thread would fight it for the interpreter at each event.

    The client library would send the first of them while it is given the others, in up to five requests instead of one:
    it waits a moment for the rest (linger.ms). To gather more is not left to it, as it spins while it has as many
    requests on their way as an idempotent producer may: that was a third of what an event cost here.

    broken: called when the client library cannot go on: the instance must begin anew.
    """

    def __init__(self, brokers: str, name: str, broken: Callable[[str], None], **more: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._broken = broken
        self._away = ""
        self._brokers = brokers
        self._in_vain: float | None = None  # since when every event has failed; None where the last one did not
        self._suspect = False
        self._gathered: list[tuple[Ready, asyncio.Future[Place], float]] = []
        self._under_way, self._handed_over, self._many, self._seen = 0, 0.0, False, 0
        self._client = Client(
            librdkafka.client(
                brokers,
                client_id=name,
                enable_idempotence=True,
                acks="all",
                linger_ms=LINGER,
                message_timeout_ms=int(DELIVERY_SECONDS * 1000),
                request_timeout_ms=4000,
                socket_timeout_ms=5000,
                queue_buffering_max_messages=20_000,
                queue_buffering_max_kbytes=16_384,
                compression_type="none",  # kafka-python reads gzip and this without more packages
                # As Java and kafka-python have it, so that a key is in one partition whoever sends it.
                partitioner="murmur2_random",
            )
            | {"error_cb": self._failed, **more}
        )
        self._reach = librdkafka.Reach(self._client)
        self._timer: asyncio.Handle = self._loop.call_soon(self._beat)

    @property
    def away(self) -> str:
        """Why Kafka is known to be away; "" while nothing speaks against it."""
        return self._away

    def send(self, event: Ready) -> asyncio.Future[Place]:
        """The event on its way. The future ends with its place, KafkaAway or KafkaFull."""
        future: asyncio.Future[Place] = self._loop.create_future()
        self._gathered.append((event, future, time.monotonic()))
        if not self._under_way and len(self._gathered) == 1:  # nothing to wait for: as soon as the loop comes to it
            self._timer.cancel()
            self._timer = self._loop.call_soon(self._beat)
        return future

    async def close(self) -> None:
        """Give what is on its way its time, then end."""
        until = self._loop.time() + (0.2 if self._away else DELIVERY_SECONDS)
        while (self._gathered or self._under_way) and self._loop.time() < until:
            await asyncio.sleep(BEAT)
        self._timer.cancel()

    def look(self) -> None:
        """Ask Kafka for its brokers; blocks. Afterwards `away` is right. Where events have failed for long, or no
        broker was found, and a new client finds nothing wrong with Kafka, it is this one that is broken."""
        try:
            self._reach.ask()
        except KafkaException as error:
            self._away = _words(error.args[0])
        else:
            self._away = ""
        if (self._suspect or self._reach.lost) and _is_well(self._brokers):
            why = "no broker was found" if self._reach.lost else f"no event was taken for {IN_VAIN:.0f} s"
            self._broken(f"{why}, and Kafka is well")
        self._suspect = False

    def _beat(self) -> None:
        try:
            self._client.poll(0)  # calls back for each event that was delivered or given up
            if self._gathered and self._complete():
                self._hand_over_gathered()
        finally:
            self._timer = self._loop.call_later(BEAT if self._under_way or self._gathered else REST, self._beat)

    def _complete(self) -> bool:
        """Whether nothing is waited for: what is on its way, and where many come, those that still come."""
        since = time.monotonic() - self._handed_over
        more, self._seen = len(self._gathered) > self._seen, len(self._gathered)
        if self._under_way:  # one broker may be away: what is on its way to it holds up nobody for long
            return since >= LONGEST
        return not (self._many and more) or since >= APART

    def _hand_over_gathered(self) -> None:
        self._handed_over = time.monotonic()
        gathered, self._gathered = self._gathered, []
        self._many, self._seen = len(gathered) > 1, 0
        for event, future, since in gathered:
            if time.monotonic() - since < STOOD_STILL:
                self._hand_over(event, future)
            else:  # longer than it may be on its way: see `doubts.GRACE`
                _end(future, KafkaAway("the API stood still"))

    def _hand_over(self, event: Ready, future: asyncio.Future[Place]) -> None:
        delivered = partial(self._delivered, future)
        try:
            self._client.produce(
                event.topic, event.value, event.key, on_delivery=delivered, headers=[(HEADER, event.id.encode())]
            )
            self._under_way += 1
        except BufferError:
            _end(future, KafkaFull("too many events wait for Kafka"))
        except KafkaException as error:
            # As of a topic that a broker did not know at the time: to look for brokers brings its topics, too.
            self._failing(error.args[0])
            _end(future, KafkaAway(self._away))

    def _delivered(self, future: asyncio.Future[Place], error: KafkaError | None, message: Any) -> None:
        self._under_way -= 1
        if error is not None:
            self._failing(error)
            _end(future, KafkaAway(self._away))
            return
        self._away, self._in_vain = "", None
        _end(future, Place(message.partition(), message.offset()))

    def _failing(self, error: KafkaError) -> None:
        self._away = _words(error)
        now = time.monotonic()
        self._in_vain = self._in_vain or now
        self._suspect = now - self._in_vain > IN_VAIN

    def _failed(self, error: KafkaError) -> None:
        if error.fatal():
            self._broken(_words(error))
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._away = _words(error)


def _is_well(brokers: str) -> bool:
    """Whether a client that knows nothing yet finds a leader for every partition of the topics that take events."""
    topics = {model.topic for model in TYPES.values()}
    try:
        found = Client(librdkafka.client(brokers)).list_topics(timeout=5).topics
    except KafkaException:
        return False
    return all(name in found and all(p.leader >= 0 for p in found[name].partitions.values()) for name in topics)


def _end(future: asyncio.Future[Place], how: Place | Exception) -> None:
    """Tell whoever waits, unless that one has gone."""
    if future.done():
        return
    if isinstance(how, Exception):
        future.set_exception(how)
    else:
        future.set_result(how)


def _words(error: KafkaError) -> str:
    return str(error.str())
