"""From a commit in the ERP to a reader of Kafka: ours beside Debezium's default settings, at the very same commits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from bench.live.arrivals import Arrival, reading
from bench.live.commits import ROW, TABLE, Row, own_row
from bench.live.figures import p50_p99, paired_ratio
from bench.live.peer import default_debezium, topic_of
from bench.measure import Section, Tell
from lab.stack.place import Stack
from lakelab.errors import LabError

DEFAULT = "Debezium, default settings"
# Each step is the one before and this.
STEPS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (DEFAULT, {}),
    ("… and poll.interval.ms=5", {"poll.interval.ms": "5"}),
    ("… and the producer's linger.ms=0", {"producer.override.linger.ms": "0"}),
    (
        "… and messages without their schema",
        {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"},
    ),
)
PATIENCE = 30.0  # seconds that a change may take
PAUSES = (0.02, 0.12)  # seconds between two commits: unlike, so that nothing keeps step with them
Times = dict[int, float]


def kafka_against_default(stack: Stack, commits: int, tell: Tell) -> Section:
    """p50 and p99 in milliseconds: of ours alone, then a row for each step from the default settings towards ours."""
    with own_row(stack) as row:
        (alone,) = _measured(stack, row, [TABLE.topic], commits, "ours alone", tell)
        rows: list[tuple[str, ...]] = [("none: ours alone", "", "", *p50_p99(list(alone.values())), "")]
        tell("starting Debezium with default settings")
        with default_debezium(stack) as peer:
            for name, more in _growing():
                tell(name)
                if more:
                    peer.settings(more)
                ours, other = _measured(stack, row, [TABLE.topic, topic_of(TABLE)], commits, name, tell)
                shown = f"{paired_ratio(other, ours):.1f} x"
                rows.append((name, *p50_p99(list(other.values())), *p50_p99(list(ours.values())), shown))
    about = (
        f"From the confirmed commit of one changed row of `{TABLE.name}` to a reader of what is committed in Kafka, "
        f"milliseconds, {commits} commits, {PAUSES[0] * 1000:.0f} to {PAUSES[1] * 1000:.0f} ms between two. From the "
        "second row on both follow the same tables at the same time, each by a slot of its own, so every commit is "
        "measured for both, and a ratio is the median of the commits' own. Ours is `debezium/erp-source.json` on the "
        "stack's worker, exactly once: a change and its place in the log are one transaction of Kafka. The other "
        "worker has default settings and no transactions: what a killed one had sent comes again."
    )
    columns = ("the other one's settings", "p50", "p99", "ours beside it, p50", "p99", "as fast")
    return Section("Commit to Kafka", about, columns, tuple(rows))


def _growing() -> list[tuple[str, dict[str, str]]]:
    found, settings = [], dict[str, str]()
    for name, more in STEPS:
        settings = {**settings, **more}
        found.append((name, settings))
    return found


def _measured(stack: Stack, row: Row, topics: Sequence[str], commits: int, name: str, tell: Tell) -> list[Times]:
    """Seconds by the number of the commit, for each topic."""
    committed: Times = {}
    came: dict[str, Times] = {name: {} for name in topics}
    changed = threading.Condition()

    def seen(arrival: Arrival) -> None:
        found = arrival.after
        if found and found["id"] == ROW:
            with changed:
                came[arrival.topic].setdefault(found["employees"], arrival.at)
                changed.notify()

    def wait_for(numbers: range) -> None:
        with changed:
            if not changed.wait_for(lambda: all(times.keys() >= set(numbers) for times in came.values()), PATIENCE):
                raise LabError(f"a change did not come to Kafka in {PATIENCE:.0f} s", fix="see `lab cdc status`")

    chance = random.Random(5)
    with reading(stack.kafka, list(came), seen):
        _awake(row, wait_for)
        for number in range(commits):
            tell(f"{name}: commit {number + 1} of {commits}")
            at = row.change()
            committed[row.count] = at
            time.sleep(chance.uniform(*PAUSES))
        wait_for(range(min(committed), max(committed) + 1))
    return [{number: times[number] - at for number, at in committed.items()} for times in came.values()]


def _awake(row: Row, wait_for: Callable[[range], None]) -> None:
    """Changes that are not counted: until a connector that has just begun follows."""
    for _ in range(3):
        row.change()
        wait_for(range(row.count, row.count + 1))
