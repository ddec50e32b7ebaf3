"""How many changes a second get through while they come faster: into Kafka, into the lake, into the warehouse."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kafka import TopicPartition

from bench.live.arrivals import Arrival, reading
from bench.live.figures import rounds_of
from bench.live.peer import Peer, default_debezium, topic_of
from bench.measure import Section, Tell, ratio, spread
from lab.embedded.postgres import OWNER
from lab.live.kafka import Groups
from lab.live.lake.names import GROUP
from lab.live.strays import GROUP as SINK
from lab.stack.place import Stack
from lab.waiting import until
from lakelab.catalogue import GRADES
from lakelab.database import connected
from lakelab.errors import LabError

OURS, DEFAULT = GRADES.topic, topic_of(GRADES)
AT_ONCE = 100  # rows of a transaction
PATIENCE = 240.0  # seconds for all changes of a round
ERP, KAFKA, LAKE, WAREHOUSE = "the ERP itself commits them", "Kafka", "the lake, visible", "the warehouse"
READERS = {GROUP: LAKE, SINK: WAREHOUSE}
_KEYS = f"SELECT id FROM public.{GRADES.name} ORDER BY id LIMIT %s"
_TOUCH = f"UPDATE public.{GRADES.name} SET id = id WHERE id = ANY(%s)"

Seconds = dict[str, float]


@dataclass
class Came:
    """What came of a topic: how many messages, when the last one, and the last offset of each partition."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0
    offsets: dict[int, int] = field(default_factory=dict)

    def add(self, arrival: Arrival) -> None:
        self.first = self.first or arrival.at
        self.count += 1
        self.last = arrival.at
        self.offsets[arrival.partition] = arrival.offset


def sustained(stack: Stack, changes: int, rounds: int, tell: Tell) -> Section:
    """Changes a second, by how far they got; of Kafka beside the default connector, too, in rounds of their own."""
    keys = _keys(stack, changes)
    alone, beside = list[Seconds](), list[Seconds]()
    tell("starting Debezium with default settings")
    with default_debezium(stack) as peer:
        for number in range(rounds):
            peer.stop()
            tell(f"round {number + 1} of {rounds}: ours by itself, {len(keys):,} changes")
            alone.append(_round(stack, keys, (OURS,)))
            tell(f"round {number + 1} of {rounds}: the other one by itself, what waited for it")
            alone[-1][DEFAULT] = _waited(stack, peer, len(keys))
            tell(f"round {number + 1} of {rounds}: both at once")
            beside.append(_round(stack, keys, (OURS, DEFAULT)))
    about = (
        f"{len(keys):,} rows of `{GRADES.name}`, {AT_ONCE} a transaction, as fast as the ERP commits them: changes a "
        "second from before the first commit until the last change is there. Everything shares this machine's cores, "
        f"so what is further on has what the others leave. {rounds_of(rounds)}: ours while Debezium with default "
        "settings stands still; then that one, from the first to the last of what waited for it, while the rest is at "
        "ease; then both at once, which gives the ratio. In brackets the least and the most."
    )
    columns = ("up to", "by itself", "both at once", "as fast as default")
    return Section("Sustained changes", about, columns, _rows(alone, beside, len(keys)))


def _rows(alone: Sequence[Seconds], beside: Sequence[Seconds], changes: int) -> tuple[tuple[str, ...], ...]:
    def told(rounds: Sequence[Seconds], where: str) -> str:
        return spread([changes / seconds[where] for seconds in rounds], ",.0f")

    stations = {ERP: ERP, DEFAULT: "Kafka, by Debezium with default settings", KAFKA: "Kafka", LAKE: LAKE}
    ahead = ratio([each[DEFAULT] for each in beside], [each[KAFKA] for each in beside])
    shares = {DEFAULT: "1", KAFKA: f"{ahead:.2f} x"}
    return tuple(
        (name, told(alone, where), told(beside, where), shares.get(where, ""))
        for where, name in {**stations, WAREHOUSE: WAREHOUSE}.items()
    )


def _round(stack: Stack, keys: Sequence[int], topics: Sequence[str]) -> Seconds:
    """Seconds from the beginning until all changes were there, by where."""
    with _counting(stack, topics, len(keys)) as came:
        began = time.perf_counter()
        found = {ERP: _touch(stack, keys) - began}
    names = {OURS: KAFKA, DEFAULT: DEFAULT}
    found |= {names[topic]: each.last - began for topic, each in came.items()}
    return found | {where: at - began for where, at in _further(stack, came[OURS].offsets).items()}


def _waited(stack: Stack, peer: Peer, changes: int) -> float:
    """Seconds from the first to the last of the changes that waited for the default connector."""
    with _counting(stack, (DEFAULT,), changes) as came:
        peer.resume()
    return came[DEFAULT].last - came[DEFAULT].first


@contextlib.contextmanager
def _counting(stack: Stack, topics: Sequence[str], changes: int) -> Iterator[dict[str, Came]]:
    """What comes of the topics; the block's end waits until each has so many. LabError: it has not in time."""
    came = {topic: Came() for topic in topics}
    enough = threading.Condition()

    def seen(arrival: Arrival) -> None:
        with enough:
            came[arrival.topic].add(arrival)
            if came[arrival.topic].count >= changes:
                enough.notify()

    with reading(stack.kafka, topics, seen):
        yield came
        with enough:
            if not enough.wait_for(lambda: all(each.count >= changes for each in came.values()), PATIENCE):
                raise LabError(f"changes did not come to Kafka in {PATIENCE:.0f} s", fix="see `lab cdc status`")


def _touch(stack: Stack, keys: Sequence[int]) -> float:
    """Update rows and leave them as they are; when the last transaction was committed."""
    with connected(stack.connecting(OWNER)) as session, session.cursor() as cursor:
        for first in range(0, len(keys), AT_ONCE):
            cursor.execute(_TOUCH, (list(keys[first : first + AT_ONCE]),))
            session.commit()
    return time.perf_counter()


def _further(stack: Stack, offsets: Mapping[int, int]) -> Seconds:
    """When lake and warehouse had these offsets: as they tell Kafka, once what they have can be queried."""
    found: Seconds = {}
    late = LabError(f"changes did not come to lake and warehouse in {PATIENCE:.0f} s", fix="see `lab kafka lag`")
    with Groups(stack.kafka) as groups:

        def look() -> bool:
            for group, name in READERS.items():
                done = groups.offsets(group)
                if all(done.get(TopicPartition(OURS, part), -1) > last for part, last in offsets.items()):
                    found.setdefault(name, time.perf_counter())
            return len(found) == len(READERS)

        until(look, PATIENCE, late, 0.1)
    return found


def _keys(stack: Stack, changes: int) -> list[int]:
    with connected(stack.connecting(OWNER)) as session, session.cursor() as cursor:
        cursor.execute(_KEYS, (changes,))
        keys = [row[0] for row in cursor.fetchall()]
    if len(keys) < AT_ONCE:
        raise LabError("the ERP has no grades to speak of", fix="load the ERP first")
    return keys
