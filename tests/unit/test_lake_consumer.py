"""The lake's consumer: what Kafka is told of how far the lake is, when answers get lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from lab.live.lake import consumer
from lab.live.lake.consumer import Changes
from lakelab import librdkafka
from lakelab.errors import LabError

ONE, OTHER = ("erp.public.students", 0), ("erp.public.students", 1)


@dataclass
class Kafka:
    """Takes commits, and answers when it is told to."""

    commits: list[dict[tuple[str, int], int]] = field(default_factory=list)
    confirm: Callable[..., None] | None = None

    def consumer(self, settings: dict[str, Any]) -> Kafka:
        self.confirm = settings["on_commit"]
        return self

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous
        self.commits.append({(each.topic, each.partition): each.offset for each in offsets})

    def answer(self, error: KafkaError | None = None, refused: tuple[str, int] | None = None) -> None:
        assert self.confirm
        no = KafkaError(KafkaError.NOT_COORDINATOR)
        self.confirm(
            error,
            [
                SimpleNamespace(
                    topic=place[0], partition=place[1], offset=offset, error=no if place == refused else None
                )
                for place, offset in self.commits[-1].items()
            ],
        )


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr(consumer, "Consumer", kafka.consumer)
    return kafka


def test_what_kafka_has_not_confirmed_is_told_again(kafka: Kafka) -> None:
    changes = Changes("127.0.0.1:1")
    changes.tell({ONE: 5, OTHER: 7})
    changes.tell({})  # its answer is under way
    assert kafka.commits == [{ONE: 5, OTHER: 7}]
    kafka.answer(KafkaError(KafkaError._TRANSPORT))  # the broker died
    changes.tell({})
    assert kafka.commits[1:] == [{ONE: 5, OTHER: 7}]
    kafka.answer(refused=OTHER)
    changes.tell({ONE: 6})
    assert kafka.commits[2:] == [{ONE: 6, OTHER: 7}]
    kafka.answer()
    changes.tell({})
    changes.tell({ONE: 6})
    assert len(kafka.commits) == 3


def test_what_came_while_an_answer_was_under_way_is_told_after_it(kafka: Kafka) -> None:
    changes = Changes("127.0.0.1:1")
    changes.tell({ONE: 5})
    changes.tell({ONE: 6})
    kafka.answer()
    changes.tell({})
    assert kafka.commits == [{ONE: 5}, {ONE: 6}]


def test_a_consumer_that_finds_no_broker_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    for module in (consumer, librdkafka):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    changes = Changes("127.0.0.1:1")  # where nobody listens
    monkeypatch.setattr(librdkafka, "ANSWER", 0.01)
    assert not changes.take(0).count  # it has just begun
    clock[0] += librdkafka.LOOK
    assert not changes.take(0).count
    clock[0] += librdkafka.LOST
    with pytest.raises(LabError, match="Kafka does not answer"):
        changes.take(0)
    changes.close()
