"""When Kafka is to be compared with the ERP, what a comparison looks for, and columns that came and went."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lab.chaos import run
from lab.live import watch
from lab.live.comparison import BusyError, Keys, alone
from lab.live.connect import State
from lab.live.readings import Readings, note
from lab.live.status import DOUBTFUL, Slot, Status
from lab.live.strays import additions, columns_of
from lakelab.errors import LabError

SLOT = Slot(active=True, log="reserved", behind=100, retained=5000, confirmed="0/1")
RUNS, STANDS = State("erp-source", "RUNNING", ("RUNNING",)), State("erp-source", "STOPPED", ())
WELL = Status((RUNS,), SLOT, 2.0)


def changed(**parts) -> Status:
    return Status(**{**vars(WELL), **parts})


class Topic:
    """A topic of notifications, of which some may be forgotten, as a consumer sees it."""

    def __init__(self, *said: dict[str, Any] | bytes, first: int = 0) -> None:
        self.said, self.first, self.at = list(said), first, 0

    def assign(self, places: list[Any]) -> None: ...

    def beginning_offsets(self, places: list[Any]) -> dict[Any, int]:
        return {places[0]: self.first}

    def end_offsets(self, places: list[Any]) -> dict[Any, int]:
        return {places[0]: len(self.said)}

    def seek(self, place: Any, offset: int) -> None:
        self.at = offset

    def position(self, place: Any) -> int:
        return self.at

    def poll(self, timeout_ms: int) -> dict[Any, list[Any]]:
        value = self.said[self.at]
        text = value if isinstance(value, bytes) else json.dumps(value)
        self.at += 1
        return {0: [SimpleNamespace(offset=self.at - 1, value=text)]}


def said(kind: str, what: str = "Initial Snapshot") -> dict[str, Any]:
    return {"aggregate_type": what, "type": kind, "additional_data": {}}


BEGUN, DONE, SKIPPED = said("STARTED"), said("COMPLETED"), said("SKIPPED")
AGAIN = said("STARTED", "Incremental Snapshot")


@pytest.mark.parametrize(
    ("topic", "doubtful"),
    [
        (Topic(), False),
        (Topic(BEGUN), False),
        (Topic(BEGUN, DONE, SKIPPED, AGAIN), False),
        (Topic(BEGUN, BEGUN, DONE), True),
        (Topic(BEGUN, BEGUN, DONE, note(3, 1)), False),
        (Topic(BEGUN, DONE, note(2, 0), BEGUN, DONE), True),  # a lost slot's reading, whose comparison was killed
        (Topic(BEGUN, BEGUN, note(1, 0), DONE), True),  # it began while the keys were compared
        (Topic(BEGUN, DONE, BEGUN, DONE, first=2), True),  # what was before is forgotten, so there was something
        (Topic(BEGUN, DONE, SKIPPED, first=2), False),
    ],
)
def test_a_reading_that_is_not_the_first_one_needs_a_comparison(topic, doubtful):
    assert Readings().read(topic).doubtful is doubtful


def test_who_looks_again_reads_on_where_it_was_and_from_the_first_in_a_new_topic():
    topic, readings = Topic(BEGUN, DONE), Readings()
    assert not readings.read(topic).doubtful
    topic.said += [BEGUN]
    assert readings.read(topic).doubtful
    topic.said += [note(3, 7)]
    assert not readings.read(topic).doubtful
    assert not readings.read(Topic(BEGUN)).doubtful


def test_a_topic_that_forgets_makes_no_doubt_of_a_first_reading():
    topic, readings = Topic(BEGUN, DONE), Readings()
    readings.read(topic)
    topic.first = 2
    topic.said += [SKIPPED]
    assert not readings.read(topic).doubtful


def test_what_to_do_is_said_once_all_is_read_and_nothing_graver_is_wrong():
    assert changed(doubtful=True).problems == [DOUBTFUL]
    assert "`lab cdc resnapshot`" in DOUBTFUL
    assert changed(doubtful=True, reading=True).problems == []
    assert len(changed(doubtful=True, slot=None).problems) == 1


@pytest.mark.parametrize(
    ("status", "due"),
    [
        (WELL, False),
        (changed(doubtful=True), True),
        (changed(doubtful=True, connectors=(STANDS,)), True),  # stopped by a comparison that was killed
        (changed(connectors=(STANDS,)), False),
        (changed(doubtful=True, reading=True), False),
        (changed(doubtful=True, connectors=(State("erp-source", "RUNNING", ("FAILED",)),)), False),
        (changed(doubtful=True, connectors=()), False),
    ],
)
def test_the_watch_compares_when_all_is_read(status, due):
    assert watch.due(status) is due


class Session:
    """A session of an ERP whose lock is free or not."""

    def __init__(self, free: bool) -> None:
        self.free, self.autocommit = free, False

    def cursor(self) -> Session:
        return self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, *_: object) -> None: ...

    def fetchone(self) -> tuple[bool]:
        return (self.free,)

    def close(self) -> None: ...


@pytest.mark.parametrize(("free", "lines"), [(True, 1), (False, 0)])
def test_one_repairs_at_a_time(free, lines):
    comparison: Any = SimpleNamespace(owner=lambda: Session(free), run=lambda: 3)
    found = watch.compare(comparison)
    assert len(found) == lines
    assert not found or "3 deletions had been missed" in found[0]


def test_the_lock_of_somebody_else_is_told():
    with pytest.raises(BusyError, match="wait until that is done"), alone(lambda: Session(False), seconds=0):
        pass


@pytest.mark.parametrize(("numbers", "keys"), [(True, [-3, 1, 7]), (False, ["4ARCH", "5DATA", "été"])])
def test_keys_are_known_by_their_order(numbers, keys):
    found = Keys(numbers)
    for key in keys:
        found.add(key)
    assert len(found) == 3
    assert all(key in found for key in keys)
    assert (0 if numbers else "4AR") not in found
    assert (8 if numbers else "ü") not in found


def test_chaos_waits_for_the_first_reading_and_says_so_once():
    seen = [changed(reading=True), changed(reading=True), changed(doubtful=True), WELL]
    lines: list[str] = []
    run.until_read(lambda: seen.pop(0), lines.append, pause=0)
    assert seen == []
    assert lines == ["waiting until Debezium has read the ERP's tables for the first time"]
    run.until_read(lambda: WELL, lines.append)
    assert len(lines) == 1
    with pytest.raises(LabError, match="no sign of life"):
        run.until_read(lambda: changed(silent=99.0), lines.append)


def test_the_warehouse_is_given_what_changes_have_and_the_erp_has_not():
    present = {"companies": {"id": "integer", "name": "text"}, "students": {"id": "integer"}}
    found = {"companies": {"id", "name", 'a "b"'}, "students": {"id"}, "unknown": {"x"}}
    assert additions(found, present) == ['ALTER TABLE public."companies" ADD COLUMN "a ""b""" text']


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (b'{"op": "u", "before": {"old": 1}, "after": {"id": 1, "new": null}}', {"id", "new"}),
        (b'{"op": "d", "before": {"id": 1}, "after": null}', set()),
        (None, set()),
        (b"not json", set()),
        (b"[1]", set()),
    ],
)
def test_the_columns_of_a_change_are_those_of_its_row(value, columns):
    assert columns_of(value) == columns
