"""What the lab's Kafka holds, as data: topics, groups and their lag. The commands and the page show it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kafka import TopicPartition

from lab.live.kafka import admin, consumer, up_to
from lakelab.errors import LabError
from lakelab.topics import topic as declared_topic

INTERNAL = ("__", "connect-")
_EARLIEST, _LATEST = "earliest", "latest"
FEW = 4  # offsets before an end that are read: they may all be marks of transactions, which nobody is behind by
READING = 2.0  # seconds without a message, after which no more is waited for


@dataclass(frozen=True)
class TopicState:
    """A topic. messages: offsets between first and last, the marks of transactions and cleaned ones among them.

    lagging: partitions with a replica that is not in sync.
    """

    name: str
    partitions: int
    replicas: int
    lagging: int
    messages: int
    kept: str
    doc: str


@dataclass(frozen=True)
class Lag:
    """How far a group has read one partition. marks: offsets before the end that are known to be no messages."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int
    marks: int = 0

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    @property
    def behind(self) -> int:
        """Messages that it has yet to read; where there are many, marks among them count, too."""
        return max(0, self.end - self.committed - self.marks)


@dataclass(frozen=True)
class Group:
    """A consumer group with what its members have yet to read."""

    name: str
    state: str
    members: int
    lags: tuple[Lag, ...]

    @property
    def behind(self) -> int:
        return sum(lag.behind for lag in self.lags)

    @property
    def topics(self) -> list[str]:
        return sorted({lag.topic for lag in self.lags})


def topics(bootstrap: str, *, every: bool = False) -> list[TopicState]:
    """Every topic, by name; with `every` those that Kafka and Connect keep for themselves, too. LabError."""
    with admin(bootstrap) as client:
        names = [name for name in client.list_topics() if every or not name.startswith(INTERNAL)]
        described = client.describe_topics(names)
        places = [TopicPartition(t["name"], p["partition_index"]) for t in described for p in t["partitions"]]
        first, last = offsets(client, places, _EARLIEST), offsets(client, places, _LATEST)
    found = []
    for t in described:
        ours = [TopicPartition(t["name"], p["partition_index"]) for p in t["partitions"]]
        lagging = sum(len(p["isr_nodes"]) < len(p["replica_nodes"]) for p in t["partitions"])
        kept, doc = _declared(t["name"])
        replicas = min(len(p["replica_nodes"]) for p in t["partitions"])
        count = sum(last.get(place, 0) - first.get(place, 0) for place in ours)
        found.append(TopicState(t["name"], len(ours), replicas, lagging, count, kept, doc))
    return sorted(found, key=lambda topic: topic.name)


def _declared(name: str) -> tuple[str, str]:
    try:
        topic = declared_topic(name)
    except KeyError:
        return "", "not declared by the lab"
    return topic.kept, topic.doc


def offsets(client: Any, places: Iterable[TopicPartition], which: str) -> dict[TopicPartition, int]:
    """The first or the last offset of each partition; a partition without a leader is left out."""
    from kafka.admin import OffsetSpec

    spec = {_EARLIEST: OffsetSpec.EARLIEST, _LATEST: OffsetSpec.LATEST}[which]
    found = client.list_partition_offsets(dict.fromkeys(places, spec))
    return {place: answer.offset for place, answer in found.items()}


def groups(bootstrap: str, only: str | None = None) -> list[Group]:
    """Every consumer group with its lag, or one. LabError: there is none of that name."""
    with admin(bootstrap) as client:
        names = sorted(g["group_id"] for g in client.list_groups() if g["protocol_type"] in ("consumer", ""))
        if only is not None and only not in names:
            raise LabError(f"no group {only}", fix=f"one of {', '.join(names)}" if names else "there is none yet")
        names = [only] if only is not None else names
        if not names:
            return []
        described = client.describe_groups(names)
        committed = client.list_group_offsets(dict.fromkeys(names))
        places = {place for found in committed.values() for place in found}
        last = offsets(client, places, _LATEST) if places else {}
    return _told_apart(bootstrap, [_group(name, described[name], committed.get(name, {}), last) for name in names])


def _group(name: str, described: Any, committed: Any, last: dict[TopicPartition, int]) -> Group:
    lags = tuple(
        Lag(name, place.topic, place.partition, at.offset, last.get(place, at.offset))
        for place, at in sorted(committed.items())
    )
    return Group(name, described["group_state"], len(described["members"]), lags)


def _told_apart(bootstrap: str, found: Sequence[Group]) -> list[Group]:
    """The groups, with marks told from messages where little is left to read.

    The mark of a transaction takes an offset, and who commits what it has read stands before it for ever.
    """
    near = [lag for group in found for lag in group.lags if 0 < lag.behind <= FEW]
    if not near:
        return list(found)
    with consumer(bootstrap, auto_offset_reset="earliest") as client:
        marks = _marks(client, near)
    return [replace(group, lags=tuple(replace(lag, marks=marks.get(lag, 0)) for lag in group.lags)) for group in found]


def _marks(client: Any, lags: Sequence[Lag]) -> dict[Lag, int]:
    """How many of the offsets that are left hold no message; those that could not be read count as messages."""
    starts, ends = dict[TopicPartition, int](), dict[TopicPartition, int]()
    for lag in lags:
        starts[lag.place] = min(starts.get(lag.place, lag.committed), lag.committed)
        ends[lag.place] = max(ends.get(lag.place, lag.end), lag.end)
    client.assign(list(starts))
    for place, start in starts.items():
        client.seek(place, start)
    messages: dict[TopicPartition, list[int]] = {place: [] for place in starts}
    with contextlib.suppress(LabError):  # what an open transaction holds back does not come
        for record in up_to(client, ends, READING):
            messages[TopicPartition(record.topic, record.partition)].append(record.offset)
    read = {place: int(client.position(place)) for place in starts}

    def marks(lag: Lag) -> int:
        there = sum(lag.committed <= offset < lag.end for offset in messages[lag.place])
        return max(0, min(read[lag.place], lag.end) - lag.committed - there)

    return {lag: marks(lag) for lag in lags}
