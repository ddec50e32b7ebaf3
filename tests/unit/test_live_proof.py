"""`lab verify --live` and `lab trace`: what is the same, what is changing, and whose row a message is about."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import NotCoordinatorError
from kafka.structs import OffsetAndMetadata
from rich.console import Console

from lab.live import kafka, proof, trace
from lab.live.proof import Found, Moment, TableProof, Topic, compare, digest
from lakelab.catalogue import ATTENDANCES, CAMPUSES, EVENTS, SUBJECTS
from lakelab.errors import LabError


class Session:
    """A session of Postgres that saw transactions before 100, except 90, which ran."""

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, _):
        return None

    def fetchone(self):
        return "80:100:90,95", 5000


@pytest.mark.parametrize(("transaction", "seen"), [(79, True), (90, False), (94, True), (100, False), (None, True)])
def test_a_moment_sees_what_had_ended(transaction, seen):
    assert Moment(Session()).sees(transaction) is seen


def test_a_row_is_the_same_text_as_in_sql():
    event = {"id": 1, "name": "é", "kind": "fair", "date": date(2020, 2, 29), "campus_id": 4, "cost": Decimal("14.50")}
    present = {"id": 1, "lesson_id": 2, "student_id": 3, "present": False}

    assert digest(EVENTS, event) == hashlib.md5("1\x1fé\x1ffair\x1f2020-02-29\x1f4\x1f14.50".encode()).hexdigest()
    assert digest(ATTENDANCES, present) == hashlib.md5(b"1\x1f2\x1f3\x1ff").hexdigest()
    assert "CASE `present` WHEN true THEN 't' WHEN false THEN 'f' END" in proof.hive_sql(ATTENDANCES)
    assert 'CAST("id" AS text)' in proof.postgres_sql(SUBJECTS)


def test_null_is_not_the_empty_text():
    row = {"id": 1, "name": "a", "city": "b", "region": "c", "opened_on": date(2020, 1, 1), "capacity": 1}

    assert digest(CAMPUSES, {**row, "youth_population": None}) != digest(CAMPUSES, {**row, "youth_population": ""})


def test_every_difference_is_told_but_of_rows_that_are_changing():
    erp = {1: "a", 2: "b", 3: "c", 4: "d"}

    found = compare(erp, Found({1: "a", 2: "x", 4: "y", 5: "e", 6: "f"}, {1}), moving={4, 6})

    assert found == ["1 is there more than once", "2 has other values", "3 is missing", "5 is not in the ERP"]


def test_what_differs_is_an_error_with_the_first_rows():
    lines = [f"{n} is missing" for n in range(5)]
    proofs = [
        TableProof(
            "campuses", 5, {"Kafka": 5, "lake": 0, "warehouse": 5}, {"Kafka": [], "lake": lines, "warehouse": []}, 0
        )
    ]
    out = StringIO()

    with pytest.raises(LabError, match="campuses in lake: 0 is missing, 1 is missing, 2 is missing, …"):
        proof.show(proofs, Console(file=out, width=100))
    assert "5 differ" in out.getvalue()


class Client:
    """A consumer of one partition."""

    def __init__(self, *records):
        self.records, self.at = list(records), 0

    def partitions_for_topic(self, _):
        return {0}

    def assign(self, places):
        self.place = places[0]

    def seek_to_beginning(self, *_):
        self.at = 0

    def end_offsets(self, places):
        return {self.place: len(self.records)}

    def position(self, _):
        return self.at

    def poll(self, **_):
        found, self.at = self.records[self.at :], len(self.records)
        return {self.place: found}


def record(offset, key, op, transaction, name="IT"):
    row = None if op == "d" else {"id": key, "name": name, "level": "MSC2"}
    value = {"before": None, "after": row, "source": {"lsn": 1, "ts_ms": 2, "txId": transaction}, "op": op}
    return message(offset, json.dumps({"id": key}).encode(), json.dumps(value).encode())


def message(offset, key, value):
    return SimpleNamespace(topic=SUBJECTS.topic, partition=0, offset=offset, key=key, value=value)


def test_a_topic_is_what_its_last_changes_leave():
    tombstone = message(3, b'{"id": "4ARCH"}', None)
    client = Client(
        record(0, "4ARCH", "r", 70), record(1, "5DATA", "u", 71, 'txId": 99'), record(2, "4ARCH", "d", 72), tombstone,
        record(4, "4DOKR", "c", 100),
    )  # fmt: skip

    topic = Topic(client, SUBJECTS, Moment(Session()))
    topic.read()

    assert topic.digests.keys() == {"5DATA", "4DOKR"}
    assert topic.moving == {"4DOKR"}
    assert list(topic.last.values()) == [4]


@pytest.mark.parametrize(
    ("name", "table"),
    [("student", "students"), ("students", "students"), ("company", "companies"), ("campus", "campuses")],
)
def test_a_row_goes_by_the_name_of_one(name, table):
    assert trace.table_of(name).name == table


def test_what_is_no_table_or_key_is_said():
    with pytest.raises(LabError, match="no table room"):
        trace.table_of("room")
    with pytest.raises(LabError, match="x is no key of campuses"):
        trace.key_of(CAMPUSES, "x")
    assert (trace.key_of(CAMPUSES, "12"), trace.key_of(SUBJECTS, "5DATA")) == (12, "5DATA")


def test_a_group_whose_coordinator_has_moved_is_asked_at_the_new_one(monkeypatch):
    """As kafka-python's client does it: who was the coordinator when it first asked is asked for ever."""
    place, made = TopicPartition("erp.public.campuses", 0), []

    class Client:
        def __init__(self, **_):
            made.append(self)
            self.moved, self.open = len(made) == 1, True

        def list_group_offsets(self, wanted):
            if self.moved:
                raise NotCoordinatorError("moved")
            return {"lake": {place: OffsetAndMetadata(8, "", -1)}}

        def close(self):
            self.open = False

    monkeypatch.setattr(kafka, "KafkaAdminClient", Client)
    with kafka.Groups("127.0.0.1:1") as groups:
        proof._reached(groups, "lake", {place: 7})
    assert [client.open for client in made] == [False, False]
