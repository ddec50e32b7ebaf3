"""A person is erased from the lake: versions in every file, messages set aside, former folders; others stay."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from test_lake import Metastore

from lab.live.lake import erasing, requests
from lab.live.lake.erasing import Erased, erase, search
from lab.live.lake.files import Sweep
from lab.live.lake.table import Cache, LakeTable
from lakelab.catalogue import AUDIENCES, GRADES, STUDENTS, Kind, Table
from lakelab.changes import Change
from lakelab.errors import LabError
from lakelab.frames import polars
from lakelab.storage import FolderStorage

ADA, BOB = 700001, 700002
_VALUES: dict[Kind, Any] = {Kind.INT: 1, Kind.TEXT: "x", Kind.DATE: date(2020, 1, 1), Kind.BOOL: True}


def row(table: Table, **values: Any) -> dict[str, Any]:
    return {**{c.name: _VALUES.get(c.kind) for c in table.columns}, "extra": None, **values}


class School:
    """The lake's tables that are about students, in a folder."""

    def __init__(self, root: Any) -> None:
        self.files, self.executor = FolderStorage(root), ThreadPoolExecutor(1)
        self.metastore, self.sweep, self.offset = Metastore(), Sweep(self.files, grace=1000), 0
        self.lakes = {table.name: self._open(table) for table in erasing.ABOUT}

    def _open(self, table: Table) -> LakeTable:
        lake = LakeTable(table, self.metastore, self.files, self.sweep, Cache(1 << 20))
        lake.open("topic-1")
        return lake

    def take(self, table: Table, op: str, key: int, day: int = 1, **values: Any) -> None:
        self.offset += 1
        content = None if op == "d" else row(table, id=key, **values)
        lake = self.lakes[table.name]
        change = Change(key, self.offset, self.offset, day * 86_400_000, op, content)
        batch = lake.prepare({0: [change]}, self.executor)
        for each in lake.write(batch, self.executor):
            each.result()
        lake.switch(batch)

    def erase(self, number: int) -> Erased | None:
        return erase(self.lakes, self.files, self.sweep, self.executor, number)

    def history(self, table: Table) -> list[tuple[int, str]]:
        """Key and operation of every version, in the order of the topic."""
        found = []
        for partition in self.metastore.partitions(f"{table.name}_changes").values():
            for stored in self.files.list(partition.location):
                with self.files.open(stored.uri) as stream:
                    frame = polars.read_parquet(io.BytesIO(stream.read()))
                found += [(r["kafka_offset"], r["id"], r["op"]) for r in frame.to_dicts()]
        return [(key, op) for _, key, op in sorted(found)]

    def text(self) -> str:
        """All that is in any file below the lake's folder."""
        found = []
        for stored in self.files.list("hdfs:///lake/erp"):
            with self.files.open(stored.uri) as stream:
                content = stream.read()
            parquet = stored.uri.endswith(".parquet")
            found.append(polars.read_parquet(io.BytesIO(content)).write_ndjson() if parquet else content.decode())
        return "\n".join(found)


@pytest.fixture
def school(tmp_path: Any) -> Iterator[School]:
    made = School(tmp_path)
    yield made
    made.executor.shutdown()


def enrolled(school: School) -> None:
    """Two students, who have grades, and were met at an event; Ada has another e-mail now than she had then."""
    school.take(STUDENTS, "c", ADA, email="Ada@old.example", personal_email="ada@home.example")
    school.take(STUDENTS, "u", ADA, day=2, email="ada@new.example", personal_email="ada@home.example")
    school.take(STUDENTS, "c", BOB, email="bob@new.example", personal_email=None)
    school.take(GRADES, "c", 1, student_id=ADA)
    school.take(GRADES, "c", 2, student_id=BOB)
    school.take(GRADES, "c", 3, student_id=ADA)
    school.take(GRADES, "u", 3, student_id=BOB)  # it had been given to the wrong one
    school.take(AUDIENCES, "c", 1, email="ADA@old.example")
    school.take(AUDIENCES, "c", 2, email="bob@new.example")


def left(school: School) -> None:
    """The ERP has deleted Ada."""
    school.take(GRADES, "d", 1, day=3)
    school.take(AUDIENCES, "d", 1, day=3)
    school.take(STUDENTS, "d", ADA, day=3)


def test_every_version_of_the_person_goes_and_all_others_stay(school):
    enrolled(school)
    left(school)
    assert "ada@home.example" in school.text()

    done = school.erase(ADA)

    assert done is not None
    assert done.versions == {"students": 3, "grades": 3, "audiences": 2}
    assert done.found == ()
    assert school.history(STUDENTS) == [(BOB, "c")]
    assert school.history(GRADES) == [(2, "c"), (3, "u")]
    assert school.history(AUDIENCES) == [(2, "c")]
    everything = school.text().lower()
    assert "ada@" not in everything
    assert str(ADA) not in everything
    assert "bob@new.example" in everything


def test_as_long_as_the_lake_has_rows_of_the_person_it_waits_for_their_deletion(school):
    enrolled(school)
    assert school.erase(ADA) is None
    school.take(GRADES, "d", 1, day=3)
    school.take(STUDENTS, "d", ADA, day=3)
    assert school.erase(ADA) is None  # known by an e-mail that only history has
    assert school.history(STUDENTS)[:2] == [(ADA, "c"), (ADA, "u")]


def test_an_email_that_another_student_has_is_not_the_persons_alone(school):
    school.take(STUDENTS, "c", ADA, email="ada@new.example", personal_email="family@home.example")
    school.take(STUDENTS, "c", BOB, email="bob@new.example", personal_email="Family@home.example")
    school.take(AUDIENCES, "c", 1, email="family@home.example")
    school.take(STUDENTS, "d", ADA, day=3)

    done = school.erase(ADA)

    assert done is not None
    assert (done.versions, done.found) == ({"students": 2}, ())
    assert school.history(AUDIENCES) == [(1, "c")]


def test_a_second_time_nothing_is_left_to_do_and_changes_go_on(school):
    enrolled(school)
    left(school)
    school.erase(ADA)
    before = school.metastore.partitions("students_changes")

    done = school.erase(ADA)

    assert done is not None
    assert (done.versions, done.found) == ({}, ())
    assert school.metastore.partitions("students_changes") == before
    school.take(STUDENTS, "u", BOB, day=2, email="bob@newest.example")
    assert school.history(STUDENTS) == [(BOB, "c"), (BOB, "u")]


def test_a_writer_that_comes_later_finds_all_as_it_is(school):
    enrolled(school)
    left(school)
    school.erase(ADA)
    before = {name: lake.offsets for name, lake in school.lakes.items()}
    school.lakes = {table.name: school._open(table) for table in erasing.ABOUT}
    school.sweep.all()
    assert school.history(GRADES) == [(2, "c"), (3, "u")]
    assert {name: lake.offsets for name, lake in school.lakes.items()} == before


@pytest.mark.parametrize(
    ("topic", "letter", "goes"),
    [
        (
            "erp.public.students",
            {"reason": f"a change of key {ADA} leaves out x", "key": str(ADA), "value": None},
            True,
        ),
        ("erp.public.students", {"key": '{"id": 7000011}', "value": None}, False),
        ("erp.public.grades", {"key": '{"id": 9}', "value": json.dumps({"after": {"student_id": ADA}})}, True),
        ("erp.public.companies", {"key": json.dumps({"id": ADA}), "value": "{}"}, False),
        ("erp.public.companies", {"key": None, "value": "write to Ada@Home.example"}, True),
    ],
)
def test_messages_that_were_set_aside_are_looked_through(school, topic, letter, goes):
    enrolled(school)
    left(school)
    uri = f"hdfs:///lake/erp/_dead/{topic}/0-7.json"
    school.files.write(uri, json.dumps(letter).encode())

    done = school.erase(ADA)

    assert done is not None
    assert done.dead == int(goes)
    assert (school.files.list(uri) == []) is goes


def test_the_search_finds_what_an_erasure_would_have_left(school):
    enrolled(school)
    files, found = search(school.files, ADA, {"ada@home.example"})
    assert files == len(school.files.list("hdfs:///lake/erp"))
    assert {uri.split("/")[5] for uri in found} == {"students", "grades"}


def test_who_asks_gets_the_answer_of_the_lake(tmp_path):
    got: list[Any] = []
    asking = threading.Thread(target=lambda: got.append(requests.ask(ADA, tmp_path, seconds=30)))
    asking.start()
    while not (asked := requests.asked(tmp_path)):
        pass
    requests.answer(asked[0], Erased({"students": 2}, 0, 9, ()), tmp_path)
    asking.join()
    assert got == [{"versions": {"students": 2}, "dead": 0, "files": 9, "found": []}]
    assert list(tmp_path.iterdir()) == []


def test_who_asks_in_vain_is_told_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(LabError, match="rows of the student still, or takes no changes"):
        requests.ask(ADA, tmp_path, seconds=0)
    assert requests.asked(tmp_path) == []
