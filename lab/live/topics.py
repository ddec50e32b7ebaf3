"""Role `topics`: makes the topics that are declared. `python -m lab.live.topics`.

What is there already is left as it is; where it differs from what is declared, the job says so and fails: a partition
can be added but not taken away, and changes the order of keys, so nobody does it unasked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import TopicAlreadyExistsError

from lab.live.kafka import admin
from lab.stack import role
from lakelab.errors import LabError
from lakelab.topics import TOPICS, Topic


@dataclass(frozen=True)
class Found:
    """A topic as the cluster has it. settings: those that were given to it."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]


def ensure(client: Any, declared: Sequence[Topic] = TOPICS) -> str:
    """Make what is missing. Returns a line; LabError when a topic differs from its declaration."""
    names = set(client.list_topics())
    missing = [topic for topic in declared if topic.name not in names]
    for topic in missing:
        _make(client, topic)
    present = [topic for topic in declared if topic.name in names]
    differences = drift(present, read(client, [topic.name for topic in present]))
    if differences:
        raise LabError(
            f"topics differ from lakelab/topics.py: {'; '.join(differences)}",
            fix="change the declaration or the topic, or begin anew: make reset ONLY=stack",
        )
    return f"{len(declared)} topics are there, {len(missing)} of them new"


def _make(client: Any, topic: Topic) -> None:
    new = NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.settings))
    with contextlib.suppress(TopicAlreadyExistsError):  # by another start at the same moment
        client.create_topics([new])


def read(client: Any, names: Sequence[str]) -> dict[str, Found]:
    """The topics of those names, as the cluster has them."""
    if not names:
        return {}
    described = client.describe_topics(list(names))
    settings = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        found["name"]: Found(
            found["name"],
            len(found["partitions"]),
            min(len(partition["replica_nodes"]) for partition in found["partitions"]),
            _given(settings, found["name"]),
        )
        for found in described
    }


def _given(settings: Any, name: str) -> dict[str, str]:
    return {key: str(entry["value"]) for key, entry in settings["topic"][name].items()}


def drift(declared: Iterable[Topic], found: dict[str, Found]) -> list[str]:
    """Where topics differ from their declaration, in words."""
    differences = []
    for topic in declared:
        there = found[topic.name]
        pairs: list[tuple[str, object, object]] = [
            ("partitions", topic.partitions, there.partitions),
            ("replicas", topic.replication, there.replication),
        ]
        pairs += [(key, value, there.settings.get(key)) for key, value in topic.settings.items()]
        differences += [
            f"{topic.name} has {seen} {what}, declared are {wanted}" for what, wanted, seen in pairs if seen != wanted
        ]
    return differences


def make() -> str:
    """The role's work."""
    with admin(role.need("KAFKA_BOOTSTRAP"), seconds=60) as client:
        return ensure(client)


if __name__ == "__main__":
    role.run(make)
