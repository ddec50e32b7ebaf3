"""What all clients of Kafka by librdkafka have in common."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import KafkaException

ANSWER = 2.0  # seconds for a broker's answer
LOOK = 5.0  # seconds in which a reader hears nothing, after which it asks whether Kafka is there
LOST = 20.0  # seconds without any, after which a client is not hoped for any more


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


class Reach:
    """Whether a client still finds Kafka. client: a Consumer or a Producer.

    A broker that has just started may answer that there are no brokers. The client then drops those that it knew, and
    looks for none ever after: https://github.com/confluentinc/librdkafka/issues/5301. Only a new one helps.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._in_vain: float | None = None  # since when
        self._heard = time.monotonic()

    @property
    def lost(self) -> bool:
        """Whether it was asked in vain for so long that a new client is due."""
        return self._in_vain is not None and time.monotonic() - self._in_vain >= LOST

    def ask(self, topic: str | None = None) -> Any:
        """The metadata of all topics, or of one, by any broker; blocks. KafkaException: none answers."""
        try:
            found = self._client.list_topics(topic, timeout=ANSWER)
        except KafkaException:
            self._in_vain = self._in_vain or time.monotonic()
            raise
        self._in_vain = None
        return found

    def heard(self) -> None:
        """A message came: Kafka is there."""
        self._heard = time.monotonic()

    def look(self, topic: str | None = None) -> None:
        """Ask, where nothing was heard for a while. KafkaException: this client is lost."""
        if time.monotonic() - self._heard < LOOK:
            return
        try:
            self.ask(topic)
        except KafkaException:
            if self.lost:
                raise
        self._heard = time.monotonic()
