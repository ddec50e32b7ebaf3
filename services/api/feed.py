"""What happens, from Kafka to whoever watches: quotes, and changes in the ERP as Debezium tells them.

Each instance reads for itself, without a group: all see all. It begins some hours back, so that prices are there at
once, and shows watchers what is new. Of a change, watchers are told which table and operation; never a value.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from lakelab import librdkafka
from lakelab.catalogue import TABLES
from services.api.events import StockQuote
from services.api.quotes import Board, Quote

QUOTES = StockQuote.topic
CHANGES = {table.topic: table.name for table in TABLES}
OPERATIONS = {"c": "insert", "u": "update", "d": "delete", "r": "read"}
HOURS_BACK = 2
MOST_BACK = 100_000  # records of a partition that are read at the start
LOOK_SECONDS = 10.0  # between two looks for topics that were not there
WATCHERS = 100
WAITING = 1000  # messages that a slow watcher may be behind
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """What watchers are told. kind: quote or change."""

    kind: str
    data: str


class Watchers:
    """Those who watch, each with a queue of its own. Who is too slow misses the oldest."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Message]] = set()

    def __len__(self) -> int:
        return len(self._queues)

    def join(self) -> asyncio.Queue[Message] | None:
        """A queue; None when there are too many watchers."""
        if len(self._queues) >= WATCHERS:
            return None
        queue: asyncio.Queue[Message] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Message]) -> None:
        self._queues.discard(queue)

    def tell(self, messages: list[Message]) -> None:
        for queue in self._queues:
            for message in messages[-WAITING:]:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(message)


class Feed:
    """Reads in a thread of its own, and hands over to the loop."""

    def __init__(self, brokers: str, board: Board, watchers: Watchers) -> None:
        self._board, self._watchers = board, watchers
        self._loop = asyncio.get_running_loop()
        self._began = time.time()
        self._stop = threading.Event()
        self._settings = librdkafka.reader(
            brokers,
            "api-feed",
            auto_offset_reset="latest",
            queued_max_messages_kbytes=4096,
            fetch_message_max_bytes=262_144,
        )
        self._places: dict[tuple[str, int], int] = {}  # where each partition that is read goes on
        self._begin()
        self._thread = threading.Thread(target=self._run, name="kafka-feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _begin(self) -> None:
        """A new consumer, that goes on where the last one was."""
        self._consumer = Consumer(self._settings)
        self._reach = librdkafka.Reach(self._consumer)
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._places.items()])

    def _run(self) -> None:
        looked = -LOOK_SECONDS
        while not self._stop.is_set():
            try:
                if time.monotonic() - looked >= LOOK_SECONDS:
                    self._assign_new()
                    looked = time.monotonic()
                self._read()
            except KafkaException as error:
                _log.warning("the feed waits for Kafka: %s", error.args[0])
                if self._reach.lost:
                    self._consumer.close()
                    self._begin()
                self._stop.wait(1)
        self._consumer.close()

    def _assign_new(self) -> None:
        """Partitions that were not there at the last look, as of topics that are made later."""
        topics = self._reach.ask().topics
        for name in (QUOTES, *CHANGES):
            if name in topics and topics[name].error is None:
                new = [p for p in topics[name].partitions if (name, p) not in self._places]
                for partition in new:
                    start = self._start(name, partition)
                    self._consumer.incremental_assign([TopicPartition(name, partition, start)])
                    self._places[name, partition] = start

    def _start(self, topic: str, partition: int) -> int:
        """Where to begin: with quotes hours back, within bounds; with changes now."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=5)
        if topic != QUOTES:
            return int(high)
        since = int((self._began - HOURS_BACK * 3600) * 1000)
        (found,) = self._consumer.offsets_for_times([TopicPartition(topic, partition, since)], timeout=5)
        return int(high if found.offset < 0 else max(found.offset, high - MOST_BACK, low))

    def _read(self) -> None:
        if not self._places:
            self._stop.wait(0.5)
            return
        quotes: list[Quote] = []
        messages: list[Message] = []
        first = self._consumer.poll(0.2)
        if first is None:
            return
        # What else is there goes along; to wait for more would hold back what has come: consume(n, s) waits for n.
        for record in (first, *self._consumer.consume(500, 0)):
            if record.error():
                continue
            self._places[str(record.topic()), int(record.partition() or 0)] = int(record.offset() or 0) + 1
            if record.value() is None:  # a tombstone follows a delete, which was told
                continue
            read: Callable[[Any], tuple[Quote | None, Message] | None]
            read = _quote if record.topic() == QUOTES else _change
            found = read(record)
            if found is not None:
                if found[0] is not None:
                    quotes.append(found[0])
                if record.timestamp()[1] / 1000 >= self._began - 5:
                    messages.append(found[1])
        if quotes or messages:
            self._loop.call_soon_threadsafe(self._hand_over, quotes, messages)

    def _hand_over(self, quotes: list[Quote], messages: list[Message]) -> None:
        self._board.add(quotes)
        self._watchers.tell(messages)


def _quote(record: Any) -> tuple[Quote | None, Message] | None:
    """A quote as the intake writes it; None for what others put on the topic that is none."""
    try:
        data = json.loads(record.value())
        quote = Quote(
            str(data["symbol"]),
            float(data["price"]),
            int(data["volume"]),
            dt.datetime.fromisoformat(data["event_time"]),
        )
        shown = {name: data[name] for name in ("symbol", "price", "volume", "event_time")}
        return (quote if quote.time.tzinfo else None), Message("quote", json.dumps(shown))
    except (ValueError, KeyError, TypeError):
        return None


def _change(record: Any) -> tuple[None, Message] | None:
    """A change as Debezium writes it, with or without its schema."""
    try:
        data = json.loads(record.value())
        data = data.get("payload", data)
        source = data.get("source") or {}
        shown = {
            "table": CHANGES[record.topic()],
            "operation": OPERATIONS.get(data.get("op"), "change"),
            "committed_ms": source.get("ts_ms"),
            "lsn": source.get("lsn"),
            "partition": record.partition(),
            "offset": record.offset(),
        }
        return None, Message("change", json.dumps(shown))
    except (ValueError, AttributeError):
        return None
