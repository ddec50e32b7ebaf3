"""Reading a topic up to an end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kafka import TopicPartition

from lab.live.kafka import up_to
from lakelab.errors import LabError

ONE, TWO = TopicPartition("grades", 0), TopicPartition("grades", 1)


class Client:
    """A consumer whose polls bring what was given: offsets by partition, and where it stands then."""

    def __init__(self, *polls):
        self.polls, self.at = list(polls), {ONE: 0, TWO: 0}

    def position(self, place):
        return self.at[place]

    def poll(self, **_):
        if not self.polls:
            return {}
        found = self.polls.pop(0)
        for place, offsets in found.items():
            self.at[place] = offsets.pop() if offsets else 0
        return {place: [SimpleNamespace(offset=offset) for offset in offsets] for place, offsets in found.items()}


def offsets(client, ends, silence=5.0):
    return [record.offset for record in up_to(client, ends, silence)]


def test_all_partitions_are_read_to_their_ends():
    client = Client({ONE: [0, 1, 2]}, {}, {TWO: [0, 1], ONE: [2, 3, 4]})
    assert offsets(client, {ONE: 4, TWO: 1}) == [0, 1, 0, 2, 3]


def test_marks_of_transactions_take_offsets_and_are_no_messages():
    assert offsets(Client({ONE: [0, 2]}, {ONE: [3]}), {ONE: 3, TWO: 0}) == [0]


def test_what_comes_along_with_the_last_ones_is_not_lost():
    assert offsets(Client({ONE: [0, 1, 2]}), {ONE: 1}) == [0, 1]


def test_a_topic_that_brings_nothing_is_told():
    with pytest.raises(LabError, match="grades cannot be read"):
        offsets(Client({ONE: [0, 1]}), {ONE: 2, TWO: 0}, silence=0.0)
