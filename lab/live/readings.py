"""Whether Kafka may have rows that nobody deleted: Debezium began to read the tables more than once.

A reading that is interrupted, by a kill of Connect say, begins anew, of a later moment. What the ERP deleted between
the two is in Kafka by the first, is not in the second, and is in no log that is read: it would stay for ever. Debezium
tells of each reading in the topic of its notifications, no later than it sends the first rows, and so does the lab of
each comparison (lab/live/comparison.py). So the topic tells whether a comparison is due.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition

from lab.live.kafka import records
from lakelab.topics import NOTIFICATIONS

PLACE = TopicPartition(NOTIFICATIONS, 0)
READING, COMPARED = "Initial Snapshot", "Comparison"
SECONDS = 5.0  # for what is new in the topic; the rest is read the next time


@dataclass
class Readings:
    """What the topic said so far. `read` takes in what is new.

    begun: offsets of readings that no comparison covers.  compared: whether there was a comparison ever.
    next: the offset to go on from.
    """

    begun: list[int] = field(default_factory=list)
    compared: bool = False
    next: int = 0

    @property
    def doubtful(self) -> bool:
        """A reading began that was not the very first one, and Kafka was not compared with the ERP since.

        What came before it is forgotten after a day, so offsets tell, too, whether it was the first.
        """
        return len(self.begun) > 1 or bool(self.begun and self.compared)

    def read(self, client: Any) -> Readings:
        """Take in what is new, by a consumer. KafkaError."""
        client.assign([PLACE])
        first, end = client.beginning_offsets([PLACE])[PLACE], client.end_offsets([PLACE])[PLACE]
        if end < self.next:  # the topic was made anew
            self.begun, self.compared, self.next = [], False, 0
        if first > self.next:
            self.compared = True  # what is forgotten had a first reading in it
        for record in records(client, PLACE, max(first, self.next), end, SECONDS):
            self.take(record.offset, json.loads(record.value))
        self.next = client.position(PLACE)
        return self

    def take(self, offset: int, said: dict[str, Any]) -> None:
        """Take in one notification."""
        kind = said.get("aggregate_type")
        if kind == READING and said.get("type") == "STARTED":
            self.begun.append(offset)
        elif kind == COMPARED:
            covered = int(said["additional_data"]["covers"])
            self.begun = [begun for begun in self.begun if begun >= covered]
            self.compared = True


def note(covers: int, deleted: int) -> bytes:
    """The notification of a comparison: of all readings that began before that offset."""
    return json.dumps(
        {
            "id": f"lab-{time.time_ns()}", "aggregate_type": COMPARED, "type": "COMPLETED",
            "additional_data": {"covers": str(covers), "deleted": str(deleted)},
            "timestamp": time.time_ns() // 1_000_000,
        }
    ).encode()  # fmt: skip
