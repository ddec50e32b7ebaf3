"""Events into Kafka through Nginx and FastAPI, each answered when all in-sync replicas have it, against a FastAPI route
that does nothing behind the same Nginx; with one, two, three instances of each.
"""

from __future__ import annotations

import itertools
import json
import secrets
import ssl
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from bench.live.figures import milliseconds, percentile, rounds_of
from bench.live.http_load import Answers, load, post
from bench.live.nothing import Nothing, nothing
from bench.measure import Section, Tell, ratio
from lab.stack.place import Stack
from lab.waiting import until
from lakelab.errors import LabError
from lakelab.topics import EVENTS

FEW, MANY = 32, 128  # connections
LINES = (2, 5, 50, 500)  # events of a request of many
SESSIONS = 64
WARM_UP = 0.5  # seconds before each measurement, of the same load
NOTHING, PLAIN, NAMED = "a route that does nothing", "an event", "an event with an id"
MANY_EVENTS = "events, {} a request"
GOAL = 0.8


@dataclass(frozen=True)
class Way:
    """A kind of request. clients: connections that each wait for their answer.  lines: events in each request."""

    what: str
    port: int
    trusted: ssl.SSLContext
    request: Callable[[], bytes]
    clients: int = FEW
    lines: int = 1

    @property
    def name(self) -> str:
        return f"{self.what}; {self.clients} clients"

    @property
    def base(self) -> str:
        """The name of what it is compared with."""
        return replace(self, what=NOTHING).name

    def run(self, seconds: float) -> Answers:
        load("127.0.0.1", self.port, self.request, self.clients, min(WARM_UP, seconds), self.trusted)
        return load("127.0.0.1", self.port, self.request, self.clients, seconds, self.trusted)


@dataclass
class Measured:
    """What a way did in its rounds."""

    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def intake(stack: Stack, instances: Sequence[int], rounds: int, seconds: float, tell: Tell) -> Section:
    """Events a second, by way and number of instances."""
    ways, found = list[Way](), dict[int, dict[str, Measured]]()
    with nothing(stack) as other, _scaled(stack) as scale:
        for count in instances:
            tell(f"{count} instances")
            scale(count)
            other.instances(count)
            _known(stack, other, count)
            ways = _ways(stack, other)
            found[count] = _measured(ways, rounds, seconds, partial(_told, tell, count))
    about = (
        f"POST /api/events/{EVENTS} through Nginx with TLS, clients that each wait for their answer, "
        f"{rounds_of(rounds)} in turns, {seconds:g} s each: events a second, and the answers' p99. All answers are 201 "
        "(of a batch 200): all in-sync replicas have the event. An event with an id is claimed in Postgres before, so "
        "that a retry does no harm. Client, Nginx, instances, Kafka and Postgres share this machine's cores. The ratio "
        f"is to a FastAPI route that reads the body and answers as much, behind the same Nginx; the goal is {GOAL}."
    )
    return Section("Event intake", about, ("way", *_columns(instances)), _rows(ways, found))


def _columns(instances: Sequence[int]) -> list[str]:
    names = [f"{count} instance{'s' if count > 1 else ''}" for count in instances]
    return [column for name in names for column in (name, "p99 ms", "of nothing")]


def _rows(ways: Sequence[Way], found: Mapping[int, Mapping[str, Measured]]) -> tuple[tuple[str, ...], ...]:
    return tuple((way.name, *(cell for each in found.values() for cell in _cells(way, each))) for way in ways)


def _cells(way: Way, found: Mapping[str, Measured]) -> tuple[str, str, str]:
    mine, base = found[way.name], found[way.base]
    share = "1" if way.what == NOTHING else f"{ratio(mine.rates, base.rates):.2f} x"
    return f"{statistics.median(mine.rates):,.0f}", milliseconds(percentile(mine.seconds, 99)), share


def _told(tell: Tell, count: int, what: str) -> None:
    tell(f"{count} instances: {what}")


def _measured(ways: Sequence[Way], rounds: int, seconds: float, tell: Tell) -> dict[str, Measured]:
    found = {way.name: Measured() for way in ways}
    for number in range(rounds):
        for way in ways:
            tell(f"round {number + 1} of {rounds}: {way.name}")
            answers = way.run(seconds)
            wrong = {status: times for status, times in answers.statuses.items() if status not in (200, 201)}
            if wrong or not answers.seconds:
                raise LabError(f"{way.name}: answers {wrong or 'none'}", fix="see `lab stack logs api nginx`")
            found[way.name].rates.append(answers.rate * way.lines)
            found[way.name].seconds += answers.seconds
    return found


def _ways(stack: Stack, other: Nothing) -> list[Way]:
    ours = stack.environment.port("ENTRANCE_PORT"), ssl.create_default_context(cadata=stack.compose.authority())
    theirs = other.port, ssl.create_default_context(cadata=other.authority())
    path, run, numbers = f"/api/events/{EVENTS}", secrets.token_hex(4), itertools.count()
    headers = {"Authorization": f"Bearer {stack.environment['API_EVENTS_TOKEN']}", "Content-Type": "application/json"}
    # Of many sessions, so that they go to all partitions. Made once: the client's own work is not what is measured.
    bodies = [_event({"session": f"bench-{number}"}) for number in range(SESSIONS)]

    def in_turn(media: str, texts: Sequence[bytes]) -> Callable[[], bytes]:
        return itertools.cycle([post(path, {**headers, "Content-Type": media}, text) for text in texts]).__next__

    def many(lines: int) -> Callable[[], bytes]:
        following = itertools.cycle(bodies)
        return in_turn("application/x-ndjson", [b"\n".join(itertools.islice(following, lines)) for _ in bodies])

    plain = in_turn("application/json", bodies)

    def named() -> bytes:
        number = next(numbers)
        body = _event({"event_id": f"bench-{run}-{number:08d}", "session": f"bench-{number % SESSIONS}"})
        return post(path, headers, body)

    return [
        way
        for clients in (FEW, MANY)
        for way in (
            Way(NOTHING, *theirs, plain, clients),
            Way(PLAIN, *ours, plain, clients),
            Way(NAMED, *ours, named, clients),
        )
    ] + [Way(MANY_EVENTS.format(lines), *ours, many(lines), lines=lines) for lines in LINES]


def _event(more: Mapping[str, str]) -> bytes:
    fixed = {"name": "bench", "event_time": "2026-01-01T00:00:00Z", "properties": {"page": "/campuses"}}
    return json.dumps({**fixed, **more}).encode()


@contextmanager
def _scaled(stack: Stack) -> Iterator[Callable[[int], None]]:
    """Changes the number of the API's instances; at the end it is what it was."""
    before = sum(found.service == "api" for found in stack.compose.containers())

    def scale(count: int) -> None:
        stack.compose.output(
            "up", "--detach", "--no-deps", "--no-build", "--no-recreate", "--wait", f"--scale=api={count}", "api"
        )

    try:
        yield scale
    finally:
        scale(before)


def _known(stack: Stack, other: Nothing, count: int) -> None:
    """Wait until both entrances send to as many instances."""

    def both() -> bool:
        lists = stack.compose.output("exec", "-T", "nginx", "cat", "/tmp/api_servers.conf"), other.list_of_instances()
        return all(text.count("server ") == count for text in lists)

    until(both, 60, LabError(f"Nginx does not know {count} instances of the API", fix="see `lab stack logs nginx`"))
