"""A stack that has only just come up reads the whole ERP into Kafka, lake and warehouse: nothing is measured before."""

from __future__ import annotations

from collections.abc import Iterable

from bench.measure import Tell
from lab.chaos.run import until_read
from lab.live.cluster import Group, groups
from lab.live.commands import status_of
from lab.live.lake.names import GROUP as LAKE
from lab.live.strays import GROUP as SINK
from lab.stack.place import Stack
from lab.waiting import until
from lakelab.errors import LabError

READING = 900.0  # seconds
FEW = 10  # messages that a reader may be behind in each partition: some are always on their way


def until_calm(stack: Stack, tell: Tell) -> None:
    """Wait until what was there at the first start has been read by all. LabError."""
    until_read(lambda: status_of(stack), tell)
    tell("waiting until lake and warehouse have what Kafka has")
    late = LabError("lake and warehouse are behind still", fix="see `lab kafka lag`")
    until(lambda: up_to_date(groups(stack.kafka)), READING, late, 1)


def up_to_date(found: Iterable[Group]) -> bool:
    """Whether the readers of changes have all of them, but for a few."""
    readers = [group for group in found if group.name in (LAKE, SINK)]
    return len(readers) == 2 and all(lag.behind <= FEW for group in readers for lag in group.lags)
