"""Whose event is where: the ids that clients gave, in Postgres, for all instances.

A retry may reach another instance than the first try did. So before an event is sent, its id is claimed: a row that
only one of all instances can insert. When Kafka has it, the row is given the place; a retry is answered from there.

A claim names its owner, by a number of which the instance holds an advisory lock as long as it lives. A claim without
a place whose owner is gone, or has given up on it, is in doubt: the event may be on Kafka or not. It is settled by
reading the topic (`doubts`), and until then a retry is asked to wait.

Statements hold the ids of many requests: while one is being committed, those that come in gather for the next.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg

from services.api.events import Ready
from services.api.intake.producer import Place
from services.api.postgres import GONE

NAMESPACE = 0x1D5  # of the advisory locks of owners
NOBODY = 0  # owns what its owner gave up
SCHEMA = """
CREATE TABLE IF NOT EXISTS event_ids (
    topic text NOT NULL,
    event_id text NOT NULL,
    digest bigint NOT NULL,
    owner integer NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    given_up_at timestamptz,
    partition integer,
    "offset" bigint,
    PRIMARY KEY (topic, event_id)
);
CREATE INDEX IF NOT EXISTS event_ids_open ON event_ids (claimed_at) WHERE partition IS NULL;
CREATE INDEX IF NOT EXISTS event_ids_age ON event_ids USING brin (claimed_at);
CREATE SEQUENCE IF NOT EXISTS event_owners AS integer MINVALUE 1 CYCLE;
"""
# Sorted, so that two instances never wait for each other.
CLAIM = """
INSERT INTO event_ids (topic, event_id, digest, owner)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[]) AS given ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING topic, event_id
"""
KNOWN = """
SELECT topic, event_id, digest, partition, "offset" FROM event_ids
WHERE (topic, event_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
OUTCOME = """
UPDATE event_ids SET partition = given.partition, "offset" = given.place,
    owner = CASE WHEN given.partition IS NULL THEN 0 ELSE owner END,
    given_up_at = CASE WHEN given.partition IS NULL THEN now() END
FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[]) AS given (topic, event_id, partition, place)
WHERE event_ids.topic = given.topic AND event_ids.event_id = given.event_id AND event_ids.partition IS NULL
"""
AWAY = (*GONE, asyncpg.PostgresError)
T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger(__name__)


class IdsAway(Exception):
    """Postgres does not answer, so nobody can know whether an id was there."""


@dataclass(frozen=True)
class Claim:
    """What became of a claim. ours: the event may be sent, and by nobody else. Else: where it is, if that is known."""

    ours: bool
    same: bool = True  # whether the event of that id is this very one
    place: Place | None = None

    @property
    def settled(self) -> bool:
        """Whether it says what to do; else somebody has the event under way, or it is in doubt."""
        return self.ours or not self.same or self.place is not None


class Batches(Generic[T, R]):
    """Does work on many items at once: those that come while it is being done are the next batch."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], most: int = 5000) -> None:
        self._work, self._most = work, most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._busy: asyncio.Task[None] | None = None

    def add(self, item: T) -> asyncio.Future[R]:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._busy is None:
            self._busy = asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                results = await self._work([item for item, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
        self._busy = None


class Ids:
    """The ids, as one instance works with them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._claims: Batches[Ready, Claim] = Batches(self._claim)
        self._outcomes: Batches[tuple[Ready, Place | None], None] = Batches(self._record)
        self._owner = NOBODY
        self._alive: Any = None  # the connection that holds the lock

    async def open(self) -> None:
        """Make the table where it is missing, and become an owner."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", NAMESPACE)
            await connection.execute(SCHEMA)
        await self._own()

    async def close(self) -> None:
        while self._outcomes._busy:
            await asyncio.wait([self._outcomes._busy], timeout=5)
        if self._alive is not None:
            await self._pool.release(self._alive)  # and with it the lock

    async def claim(self, event: Ready) -> Claim:
        """Ours alone, or what is known of it. IdsAway when Postgres does not answer."""
        try:
            return await self._claims.add(event)
        except AWAY as error:
            self.outcome(event, None)  # the row may have been written all the same
            raise IdsAway(type(error).__name__) from None

    def outcome(self, event: Ready, place: Place | None) -> asyncio.Future[None]:
        """Kafka has it there; or, without a place, whether it has is in doubt. Done when it is recorded."""
        recorded = self._outcomes.add((event, place))
        recorded.add_done_callback(lambda done: done.exception())
        return recorded

    def _lives(self) -> bool:
        """Whether the lock is held. The pool takes a connection that breaks back by itself, and then it only raises."""
        try:
            return self._alive is not None and not self._alive.is_closed()
        except asyncpg.InterfaceError:
            return False

    async def _own(self) -> None:
        """A number of our own, and its lock for as long as this connection lives."""
        lost, self._alive = self._alive, None  # what follows may fail, and is then done anew from here
        if lost is not None:
            await self._pool.release(lost)
        connection = await self._pool.acquire()
        try:
            self._owner = await connection.fetchval("SELECT nextval('event_owners')::integer")
            await connection.execute("SELECT pg_advisory_lock($1, $2)", NAMESPACE, self._owner)
        except BaseException:
            await self._pool.release(connection)
            raise
        self._alive = connection

    async def _claim(self, events: Sequence[Ready]) -> list[Claim]:
        if not self._lives():
            await self._own()
        topics, ids = [e.topic for e in events], [e.id for e in events]
        digests = [digest(e) for e in events]
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(CLAIM, topics, ids, digests, [self._owner] * len(events))
            ours = {(row[0], row[1]) for row in rows}
            if len(ours) == len(events):
                return [Claim(True)] * len(events)
            others = [e for e in events if (e.topic, e.id) not in ours]
            known = {
                (row["topic"], row["event_id"]): row
                for row in await connection.fetch(KNOWN, [e.topic for e in others], [e.id for e in others])
            }
        return [
            Claim(True) if (e.topic, e.id) in ours else _found(known.get((e.topic, e.id)), at)
            for e, at in zip(events, digests, strict=True)
        ]

    async def _record(self, outcomes: Sequence[tuple[Ready, Place | None]]) -> list[None]:
        columns = (
            [event.topic for event, _ in outcomes],
            [event.id for event, _ in outcomes],
            [place and place.partition for _, place in outcomes],
            [place and place.offset for _, place in outcomes],
        )
        while True:
            try:
                await self._pool.execute(OUTCOME, *columns)
                return [None] * len(outcomes)
            except AWAY as error:
                _log.warning("what became of %d events is not recorded yet: %s", len(outcomes), type(error).__name__)
                await asyncio.sleep(1)


def digest(event: Ready) -> int:
    """64 bits of a hash of what the event says."""
    return int.from_bytes(hashlib.blake2b(event.value, digest_size=8).digest(), "big", signed=True)


def _found(row: Any, wanted: int) -> Claim:
    if row is None:  # settled and deleted between the two statements: the retry after this one finds it free
        return Claim(False)
    place = None if row["partition"] is None else Place(row["partition"], row["offset"])
    return Claim(False, row["digest"] == wanted, place)
