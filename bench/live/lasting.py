"""Memory of each service while changes and events go on: is it flat?"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.live.figures import slope
from bench.measure import Section, Tell
from lab.chaos.changes import Changes
from lab.chaos.events import Events
from lab.embedded.postgres import OWNER
from lab.stack.place import Stack
from lab.stack.show import memory_of
from lakelab.errors import LabError

CHANGES, EVENTS = 20.0, 20.0  # a second
PAUSE = 5.0  # seconds between two looks
Points = list[tuple[float, float]]  # seconds since the beginning, bytes


def lasting(stack: Stack, seconds: float, tell: Tell) -> Section:
    """Memory of each service at the begin, in the middle and at the end, and its slope; nothing may get lost."""
    points = _watched(stack, seconds, tell)
    about = (
        f"Memory in use, without the page cache, MB, while {CHANGES:.0f} transactions a second change the ERP and "
        f"{EVENTS:.0f} events a second are posted, for {seconds:.0f} s: medians of the first, the middle and the last "
        "third, and the line of least squares through all looks. Servers in Java fill the heap that they were given "
        "before they clear it. At the end each change and event was in Kafka once."
    )
    columns = ("service", "first third", "middle", "last third", "MB a minute")
    return Section("Memory over time", about, columns, table(points))


def table(points: Mapping[str, Points]) -> tuple[tuple[str, ...], ...]:
    """A row for each service, and one for all of them at each look."""
    looks = zip(*points.values(), strict=True)
    every = [(look[0][0], sum(size for _, size in look)) for look in looks]
    return tuple(_row(name, found) for name, found in [*sorted(points.items()), ("all", every)])


def _row(name: str, points: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    third = max(1, len(points) // 3)
    parts = points[:third], points[third : max(len(points) - third, third + 1)], points[-third:]
    sizes = (statistics.median(size for _, size in part) / 1e6 for part in parts)
    return (name, *(f"{size:,.0f}" for size in sizes), f"{slope(points) * 60 / 1e6:+.1f}")


def _watched(stack: Stack, seconds: float, tell: Tell) -> dict[str, Points]:
    found: dict[str, Points] = {}
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        ca = Path(folder) / "ca.crt"
        ca.write_text(stack.compose.authority(), encoding="utf-8")
        changes = Changes(stack.connecting(OWNER), stack.kafka, CHANGES)
        events = Events(stack.api_url, str(ca), stack.environment["API_EVENTS_TOKEN"], stack.kafka, EVENTS)
        try:
            changes.start()
            events.start()
            began = time.monotonic()
            while (past := time.monotonic() - began) < seconds:
                tell(f"{past:.0f} of {seconds:.0f} s")
                for service, size in _memory(stack).items():
                    found.setdefault(service, []).append((time.monotonic() - began, size))
                time.sleep(PAUSE)
            changes.stop()
            events.stop()
            wrong = [*changes.proof(), *events.proof()]
        finally:
            changes.clean()
    if wrong:
        raise LabError(wrong[0], where="the load", fix="report it")
    return found


def _memory(stack: Stack) -> dict[str, float]:
    """Bytes in use by each service that runs, by all its containers."""
    running = [found for found in stack.compose.containers() if found.state == "running"]
    used, found = memory_of(running), dict[str, float]()
    for container in running:
        found[container.service] = found.get(container.service, 0.0) + used[container.id].used
    return found
