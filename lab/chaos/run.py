"""A run of chaos: loads begin, servers are killed one after the other, loads end, and everything is compared."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from lab.chaos.changes import RATE as CHANGES_RATE
from lab.chaos.changes import Changes
from lab.chaos.events import RATE as EVENTS_RATE
from lab.chaos.events import Events
from lab.embedded.postgres import OWNER
from lab.live.status import Status
from lab.stack.compose import Compose, Container
from lab.stack.killing import kill, wait_until_well
from lab.stack.place import Stack
from lab.waiting import until
from lakelab.errors import LabError

# What real time stands on, and a crash of which must cost nothing. Those that do not run are left out.
VICTIMS = (
    "kafka-1", "kafka-2", "kafka-controller", "connect", "postgres", "api", "nginx", "lake", "nifi", "market",
)  # fmt: skip


READING = 1800.0  # seconds that the first reading of the ERP's tables may take


@dataclass(frozen=True)
class Killed:
    """One kill. service: whose.  after: seconds since the loads began.  away: seconds until it was well again."""

    service: str
    after: float
    away: float


@dataclass(frozen=True)
class Outcome:
    """What a run came to. wrong: what was lost, doubled or out of order, in words; empty when nothing was."""

    transactions: int
    unsure: int
    events: int
    again: int
    wrong: tuple[str, ...]


def victims(stack: Compose, asked: Sequence[str] = ()) -> list[str]:
    """The services to choose from: those asked for, or the usual ones that run. LabError for one that does not run."""
    running = {found.service for found in stack.containers() if found.state == "running"}
    for name in asked:
        if name not in running:
            raise LabError(f"no service {name} runs", fix="`lab stack status` lists those that do")
    found = list(asked) or [name for name in VICTIMS if name in running]
    if not {"connect", "api"} <= running:
        raise LabError("the live half does not run", fix="`make up`, then again")
    return found


def plan(names: Sequence[str], kills: int, seed: int) -> list[str]:
    """Whom to kill, in turn: everybody once before anybody twice, each round in an order of its own."""
    chance, found = random.Random(seed), list[str]()
    while len(found) < kills:
        found += chance.sample(list(names), len(names))
    return found[:kills]


def until_read(status: Callable[[], Status], say: Callable[[str], None], pause: float = 1) -> None:
    """Wait until Debezium has read the ERP's tables: a reading that is killed begins anew, and chaos is about changes.

    LabError: it takes too long, or changes do not get through.
    """
    told = False

    def read() -> bool:
        nonlocal told
        seen = status()
        if not seen.reading and not seen.doubtful:
            if seen.problems:
                raise LabError(seen.problems[0])
            return True
        if not told:
            say("waiting until Debezium has read the ERP's tables for the first time")
            told = True
        return False

    until(read, READING, LabError("the ERP's tables are being read still", fix="see `lab cdc status`"), pause)


def run(
    stack: Stack, names: Sequence[str], every: float, seed: int, seen: Callable[[Killed], None] = lambda _: None
) -> Outcome:
    """Kill `names` in turn while changes and events go on; `seen` is told of each. LabError when one stays away."""
    compose, chance = stack.compose, random.Random(seed)
    unwell = [found.service for found in compose.containers() if not found.well]
    if unwell:
        raise LabError(f"{unwell[0]} is not well already", fix="`make status` tells more")
    with loads(stack) as (changes, events):
        began = time.monotonic()
        for name in names:
            Event().wait(every)
            container = chance.choice([found for found in compose.containers() if found.service == name])
            seen(_killed(container, began))
        Event().wait(every)
        wrong = ended(changes, events)
    return Outcome(changes.done, changes.unsure, events.sent, events.again, wrong)


def ended(changes: Changes, events: Events) -> tuple[str, ...]:
    """End both loads; what is wrong with what came of them. LabError when one gave up before."""
    changes.stop()
    events.stop()
    return (*changes.proof(), *events.proof())


def _killed(container: Container, began: float) -> Killed:
    at = time.monotonic()
    kill(container)
    wait_until_well(container)
    return Killed(container.service, at - began, time.monotonic() - at)


@contextmanager
def loads(
    stack: Stack, changes_a_second: float = CHANGES_RATE, events_a_second: float = EVENTS_RATE
) -> Iterator[tuple[Changes, Events]]:
    """Both loads, begun; ended and cleaned away whatever happens."""
    changes = Changes(stack.connecting(OWNER), stack.kafka, changes_a_second)
    with tempfile.TemporaryDirectory() as folder:
        ca = Path(folder) / "ca.crt"
        ca.write_text(stack.compose.authority(), encoding="utf-8")
        events = Events(
            stack.api_url, str(ca), stack.environment["API_EVENTS_TOKEN"], stack.kafka, events_a_second
        )  # fmt: skip
        changes.start()
        try:
            events.start()
            yield changes, events
        finally:
            try:
                changes.stop()
                events.stop()
            finally:
                changes.clean()
