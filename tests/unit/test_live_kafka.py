"""Reading a topic up to an end, and what a group has yet to read."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
from kafka import TopicPartition

from lab.live import cluster
from lab.live.cluster import Group, Lag
from lab.live.kafka import up_to
from lakelab.errors import LabError

ONE, TWO = TopicPartition("grades", 0), TopicPartition("grades", 1)


class Client:
    """A consumer whose polls bring what was given: offsets by partition, and where it stands then."""

    def __init__(self, *polls):
        self.polls, self.at = list(polls), {ONE: 0, TWO: 0}

    def assign(self, places):
        self.assigned = places

    def seek(self, place, offset):
        assert place in self.assigned
        self.at[place] = offset

    def position(self, place):
        return self.at[place]

    def poll(self, **_):
        if not self.polls:
            return {}
        found = self.polls.pop(0)
        for place, offsets in found.items():
            self.at[place] = offsets.pop() if offsets else 0
        return {
            place: [SimpleNamespace(topic=place.topic, partition=place.partition, offset=offset) for offset in offsets]
            for place, offsets in found.items()
        }


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


@pytest.fixture
def told_apart(monkeypatch):
    """What becomes of the lags of a group, by what a client's polls bring."""

    def asked(polls, *lags):
        @contextlib.contextmanager
        def consumer(*_, **__):
            yield Client(*polls)

        monkeypatch.setattr(cluster, "consumer", consumer)
        monkeypatch.setattr(cluster, "READING", 0.05)
        (group,) = cluster._told_apart("", [Group("nifi", "Stable", 1, lags)])
        return [lag.behind for lag in group.lags]

    return asked


def test_nobody_is_behind_by_a_mark(told_apart):
    one, two = Lag("nifi", "grades", 0, 7, 8), Lag("nifi", "grades", 1, 3, 3)
    assert told_apart([{ONE: [8]}], one, two) == [0, 0]


def test_each_group_has_its_own_marks(told_apart):
    one, other = Lag("nifi", "grades", 0, 7, 8), Lag("nifi", "grades", 0, 5, 8)
    assert told_apart([{ONE: [6, 8]}], one, other) == [0, 1]


def test_a_message_before_the_mark_is_lag(told_apart):
    assert told_apart([{ONE: [7, 9]}], Lag("nifi", "grades", 0, 7, 9)) == [1]


def test_what_came_after_the_look_at_the_end_is_not_counted(told_apart):
    assert told_apart([{ONE: [8, 9, 10]}], Lag("nifi", "grades", 0, 7, 8)) == [0]


def test_what_cannot_be_read_yet_is_lag(told_apart):
    assert told_apart([], Lag("nifi", "grades", 0, 7, 9)) == [2]


def test_much_is_not_read_to_be_counted(told_apart):
    assert told_apart([{ONE: [100]}], Lag("nifi", "grades", 0, 7, 100)) == [93]
