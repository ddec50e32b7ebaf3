"""One event from a client to Kafka: claimed where it has an id, sent, acknowledged, recorded."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from services.api.events import Ready
from services.api.intake.ids import Ids, IdsAway, digest
from services.api.intake.producer import KafkaAway, KafkaFull, Place, Producer
from services.api.problems import Problem, away

STALE = 2.0  # seconds after a claim beyond which an event is not sent any more: the process was stopped meanwhile
WAIT = 15  # seconds that it takes to settle an event in doubt, about
LOOKS = (0.02, 0.1, 0.4)  # seconds before each further look at a first try that another instance has under way


@dataclass(frozen=True)
class Taken:
    """An event that Kafka has. again: it had it before."""

    event: Ready
    place: Place
    again: bool


class Intake:
    """Takes events."""

    def __init__(self, producer: Producer, ids: Ids) -> None:
        self._producer, self._ids = producer, ids
        self._under_way: dict[tuple[str, str], tuple[int, asyncio.Future[Place]]] = {}

    async def take(self, event: Ready) -> Taken:
        """The event's place, once all in-sync replicas have it.

        Problem 409: another event had this id. 503: Kafka or the ids are away, or a first try is in doubt.
        """
        if self._producer.away:
            raise away(f"Kafka cannot take events now ({self._producer.away})")
        if not event.named:
            return Taken(event, await self._send(event), again=False)
        known = self._under_way.get((event.topic, event.id))
        if known is not None:
            return await self._joined(event, *known)
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._under_way[event.topic, event.id] = digest(event), future
        recorded = None
        try:
            taken, recorded = await self._claimed(event)
            future.set_result(taken.place)
            return taken
        except BaseException as error:
            future.set_exception(error if isinstance(error, Problem) else away("the event's first try ended early"))
            raise
        finally:
            self._forget(event, recorded)

    def _forget(self, event: Ready, recorded: asyncio.Future[None] | None) -> None:
        """A try is over; until Postgres can tell a next one where the event is, it is told from here."""
        if recorded is None:
            del self._under_way[event.topic, event.id]
        else:
            recorded.add_done_callback(lambda _: self._forget(event, None))

    async def _joined(self, event: Ready, first: int, future: asyncio.Future[Place]) -> Taken:
        """A second try while the first one is under way here, or not recorded yet: both end alike."""
        if first != digest(event):
            raise _other(event)
        return Taken(event, await asyncio.shield(future), again=True)

    async def _claimed(self, event: Ready) -> tuple[Taken, asyncio.Future[None] | None]:
        """What became of it, and when that is recorded; None: it was before."""
        try:
            claim = await self._ids.claim(event)
            for pause in LOOKS:
                if claim.settled:
                    break
                await asyncio.sleep(pause)
                claim = await self._ids.claim(event)
            claimed = time.monotonic()
        except IdsAway as error:
            raise away(f"ids of events cannot be compared now ({error})") from None
        if not claim.same:
            raise _other(event)
        if claim.place is not None:
            return Taken(event, claim.place, again=True), None
        if not claim.ours:
            raise away("the event's first try is still under way, or being looked into", WAIT)
        try:
            if time.monotonic() - claimed >= STALE:
                raise away("the API was stopped while it took the event", WAIT)
            place = await self._send(event)
        except BaseException:
            self._ids.outcome(event, None)
            raise
        return Taken(event, place, again=False), self._ids.outcome(event, place)

    async def _send(self, event: Ready) -> Place:
        try:
            return await self._producer.send(event)
        except KafkaFull as error:
            raise away(str(error), 1) from None
        except KafkaAway as error:
            raise away(f"Kafka did not take the event in time ({error})", WAIT) from None


def _other(event: Ready) -> Problem:
    return Problem(409, f"another event of {event.topic} has this id")
