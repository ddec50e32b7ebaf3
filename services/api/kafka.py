"""What all clients of Kafka have in common."""

from __future__ import annotations

from typing import Any


def client(brokers: str, **more: Any) -> dict[str, Any]:
    """librdkafka's configuration (its names with _ for .) of a client that is calm about brokers that are away."""
    return {
        "bootstrap.servers": brokers,
        "reconnect.backoff.max.ms": 1000,
        "topic.metadata.refresh.interval.ms": 30_000,
        "log_level": 2,  # each failed connection is an error to it; that Kafka is away is told by our own lines
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def reader(brokers: str, group: str, **more: Any) -> dict[str, Any]:
    """A consumer that is given its partitions: the group is only a name."""
    return client(
        brokers,
        group_id=group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        **more,
    )
