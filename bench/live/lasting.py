"""Memory of each service while changes and events go on: is it flat?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

from bench.live.figures import slope
from bench.measure import Section, Tell
from lab.chaos.run import loads
from lab.stack.place import Stack
from lab.stack.show import memory_by_service
from lakelab.errors import LabError

CHANGES, EVENTS = 20.0, 20.0  # a second
PAUSE = 5.0  # seconds between two looks
Look = tuple[float, Mapping[str, float]]  # seconds since the beginning; bytes of each service


def lasting(stack: Stack, seconds: float, tell: Tell) -> Section:
    """Memory of each service at the begin, in the middle and at the end, and its slope; nothing may get lost."""
    looks = _watched(stack, seconds, tell)
    about = (
        f"Memory in use, without the page cache, MB, while {CHANGES:.0f} transactions a second change the ERP and "
        f"{EVENTS:.0f} events a second are posted, for {seconds:.0f} s: medians of the first, the middle and the last "
        "third, and the line of least squares through all looks. Servers in Java fill the heap that they were given "
        "before they clear it. At the end each change and event was in Kafka once."
    )
    columns = ("service", "first third", "middle", "last third", "MB a minute")
    return Section("Memory over time", about, columns, table(looks))


def table(looks: Sequence[Look]) -> tuple[tuple[str, ...], ...]:
    """A row for each service that was there at each look, and one for all."""
    always = set.intersection(*(set(sizes) for _, sizes in looks))
    rows = [_row(name, [(at, sizes[name]) for at, sizes in looks]) for name in sorted(always)]
    return (*rows, _row("all", [(at, sum(sizes.values())) for at, sizes in looks]))


def _row(name: str, points: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    third = len(points) // 3 or 1
    parts = points[:third], points[third:-third] or points, points[-third:]
    sizes = (statistics.median(size for _, size in part) / 1e6 for part in parts)
    return (name, *(f"{size:,.0f}" for size in sizes), f"{slope(points) * 60 / 1e6:+.1f}")


def _watched(stack: Stack, seconds: float, tell: Tell) -> list[Look]:
    found: list[Look] = []
    with loads(stack, CHANGES, EVENTS) as (changes, events):
        began = time.monotonic()
        while (past := time.monotonic() - began) < seconds:
            tell(f"{past:.0f} of {seconds:.0f} s")
            found.append((past, memory_by_service(stack.compose.containers())))
            time.sleep(PAUSE)
        changes.stop()
        events.stop()
        wrong = [*changes.proof(), *events.proof()]
    if wrong:
        raise LabError(wrong[0], where="the load", fix="report it")
    return found
