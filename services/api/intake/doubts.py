"""Claims in doubt: of an instance that died, or that Kafka did not answer in time. The topic itself says what holds.

A claim is looked at when nobody who could still send the event is left: its owner's lock is free, and it is older
than any delivery takes. Then what was appended since the claim is read: an event that is there gets its place, the
claim of one that is not is deleted, so that a retry may claim it anew.

What a leader has appended and its followers have not yet is shown to nobody, and shows later. So a marker is appended
first: once all in-sync replicas have it, they have all that is before it. The marker is of a transaction that is
aborted: those who read what is committed, as all here do, never see it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Collection
from typing import Any

import asyncpg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from lakelab import librdkafka
from services.api.intake.ids import AWAY, NAMESPACE, OUTCOME
from services.api.intake.producer import DELIVERY_SECONDS, HEADER, Place

GRACE = DELIVERY_SECONDS + 4  # seconds: longer than an event can be on its way
CLOCKS = 5.0  # seconds by which the clocks of Postgres and of Kafka's clients may differ
SCAN_SECONDS = 60.0
PATIENCE = 10.0  # for each step of the marker's transaction
# What waited in the sockets of a broker that stood still is appended within moments when it goes on.
MOMENT = 1.0
OPEN = """
SELECT topic, event_id, claimed_at FROM event_ids
WHERE partition IS NULL AND coalesce(given_up_at, claimed_at) < now() - make_interval(secs => $1)
  AND owner NOT IN (SELECT objid::bigint::integer FROM pg_locks
                    WHERE locktype = 'advisory' AND classid = $2 AND objsubid = 2
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY topic, event_id LIMIT 50000 FOR UPDATE
"""
FREE = "DELETE FROM event_ids WHERE topic = $1 AND event_id = ANY($2::text[]) AND partition IS NULL"
PRUNE = "DELETE FROM event_ids WHERE claimed_at < now() - make_interval(secs => $1) AND partition IS NOT NULL"
_log = logging.getLogger(__name__)


async def settle(pool: asyncpg.Pool, brokers: str, grace: float = GRACE) -> tuple[int, int]:
    """Settle what is in doubt; returns how many events were found on Kafka and how many were not.

    KafkaException: Kafka does not answer, and all stays in doubt.
    """
    found = lost = 0
    async with pool.acquire() as connection, connection.transaction():
        # One instance does it; another one has nothing to do meanwhile.
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", NAMESPACE + 1):
            return 0, 0
        rows = await connection.fetch(OPEN, grace, NAMESPACE, timeout=30)
        for topic in sorted({row["topic"] for row in rows}):
            wanted = {row["event_id"] for row in rows if row["topic"] == topic}
            since = min(row["claimed_at"] for row in rows if row["topic"] == topic)
            places = await asyncio.to_thread(places_of, brokers, topic, wanted, since)
            ids = sorted(places)
            await connection.execute(
                OUTCOME, [topic] * len(ids), ids, [places[i].partition for i in ids], [places[i].offset for i in ids]
            )
            missing = sorted(wanted - places.keys())
            await connection.execute(FREE, topic, missing)
            found, lost = found + len(ids), lost + len(missing)
    if found or lost:
        _log.info("settled: %d events are on Kafka, %d are not", found, lost)
    return found, lost


def places_of(brokers: str, topic: str, ids: Collection[str], since: dt.datetime) -> dict[str, Place]:
    """Where the events of these ids are, in what was appended since then. KafkaException: it cannot be read."""
    ends = marked(brokers, topic)
    consumer = Consumer(librdkafka.reader(brokers, "api-doubts", queued_max_messages_kbytes=8192))
    try:
        return _scan(consumer, topic, frozenset(ids), since, ends)
    finally:
        consumer.close()


def marked(brokers: str, topic: str) -> dict[int, int]:
    """An offset of each partition before which nothing is hidden or missing any more. KafkaException: not to be had."""
    settings = librdkafka.client(
        brokers, transactional_id="api-doubts", transaction_timeout_ms=30_000, request_timeout_ms=5000
    )
    producer = Producer(settings)
    found: dict[int, int] = {}

    def delivered(error: Any, message: Any) -> None:
        if error is None:
            found[message.partition()] = message.offset()

    partitions = producer.list_topics(topic, timeout=5).topics[topic].partitions
    producer.init_transactions(PATIENCE)
    time.sleep(MOMENT)
    producer.begin_transaction()
    for partition in partitions:
        producer.produce(topic, None, partition=partition, on_delivery=delivered)
    producer.flush(PATIENCE)
    producer.abort_transaction(PATIENCE)
    if len(found) < len(partitions):
        raise KafkaException(f"{topic} does not take what all replicas must have")
    return found


def _scan(
    consumer: Any, topic: str, ids: frozenset[str], since: dt.datetime, marks: dict[int, int]
) -> dict[str, Place]:
    wanted = {identifier.encode(): identifier for identifier in ids}
    ends, begin = {}, []
    for partition, first in firsts_since(consumer, topic, since).items():
        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=5)
        if max(first, low) < marks[partition]:
            ends[partition] = marks[partition]
            begin.append(TopicPartition(topic, partition, max(first, low)))
    consumer.assign(begin)
    found: dict[str, Place] = {}
    end = time.monotonic() + SCAN_SECONDS
    while ends:
        if time.monotonic() > end:
            raise KafkaException(f"{topic} could not be read in {SCAN_SECONDS:.0f} s")
        for message in consumer.consume(1000, 0.5):
            if message.error():
                raise KafkaException(message.error())
            identifier = wanted.get(dict(message.headers() or ()).get(HEADER, b""))
            if identifier is not None:
                found.setdefault(identifier, Place(message.partition(), message.offset()))
        for position in consumer.position([TopicPartition(topic, p) for p in ends]):
            if position.offset >= ends[position.partition]:
                del ends[position.partition]
    return found


def firsts_since(consumer: Any, topic: str, since: dt.datetime) -> dict[int, int]:
    """The first offset of each partition that is not older; partitions without one are left out."""
    partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
    stamp = int((since.timestamp() - CLOCKS) * 1000)
    found = consumer.offsets_for_times([TopicPartition(topic, p, stamp) for p in partitions], timeout=5)
    return {place.partition: place.offset for place in found if place.offset >= 0}


async def watch(pool: asyncpg.Pool, brokers: str, window: float, pause: float = 3.0) -> None:
    """Settle what is in doubt, and forget ids that are older than the window, until cancelled."""
    pruned = 0.0
    while True:
        try:
            await settle(pool, brokers)
            if time.monotonic() - pruned > 300:
                await pool.execute(PRUNE, window, timeout=120)
                pruned = time.monotonic()
        except (KafkaException, *AWAY) as error:
            _log.warning("what is in doubt stays so for now: %s", type(error).__name__)
        await asyncio.sleep(pause)
