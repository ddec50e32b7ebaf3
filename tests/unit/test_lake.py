"""The lake's tables: what of a batch is visible when, what a kill leaves behind, and versions that are there once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TType
from thrift.transport.TTransport import TMemoryBuffer

from lab.live.lake import table as lake_table
from lab.live.lake import tables, thrift
from lab.live.lake.__main__ import Trouble
from lab.live.lake.files import Sweep
from lab.live.lake.metastore import Definition, Partition
from lab.live.lake.table import Cache, LakeTable
from lakelab.catalogue import COMPANIES, GRADES
from lakelab.changes import UNCHANGED, Change
from lakelab.errors import LabError
from lakelab.frames import polars
from lakelab.storage import FolderStorage

TOPIC = "topic-1"


class Killed(Exception):
    """The process ended here."""


@dataclass
class Metastore:
    """A metastore in memory, which outlives the writers."""

    tables: dict[str, dict[str, Partition]] = field(default_factory=dict)

    def ensure(self, definition: Definition) -> None:
        self.tables.setdefault(definition.name, {})

    def partitions(self, table: str) -> dict[str, Partition]:
        return dict(self.tables[table])

    def add(self, table: str, partitions: Sequence[Partition]) -> None:
        self.tables[table] = {p.value: p for p in partitions} | self.tables[table]

    def switch(self, table: str, partitions: Sequence[Partition]) -> None:
        assert {p.value for p in partitions} <= set(self.tables[table])
        self.tables[table] |= {p.value: p for p in partitions}


class Deadly:
    """Kills the process before, or after, the call of that number of those that change something."""

    def __init__(self, inner: Any, when: list[int], names: tuple[str, ...]) -> None:
        self._inner, self._when, self._names = inner, when, names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._names:
            return method

        def call(*arguments: Any) -> Any:
            self._when[0] -= 1
            if self._when[0] == 0:
                raise Killed
            done = method(*arguments)
            self._when[0] -= 1
            if self._when[0] == 0:
                raise Killed
            return done

        return call


class Lab:
    """A metastore, a folder for HDFS, and writers that come and go."""

    def __init__(self, root: Any, table: Any = COMPANIES) -> None:
        self.metastore, self.files, self.table = Metastore(), FolderStorage(root), table
        self.executor = ThreadPoolExecutor(1)

    def writer(self, topic: str = TOPIC, when: list[int] | None = None, grace: float = 0) -> LakeTable:
        metastore, files = (self.metastore, self.files)
        if when is not None:
            metastore = Deadly(metastore, when, ("switch", "add"))
            files = Deadly(files, when, ("write", "delete"))
        self.sweep = Sweep(files, grace)
        writer = LakeTable(self.table, metastore, files, self.sweep, Cache(1 << 20))
        writer.open(topic)
        return writer

    def take(self, writer: LakeTable, *changes: Change, number: int = 0) -> list[Any]:
        batch = writer.prepare({number: changes}, self.executor)
        for each in writer.write(batch, self.executor):
            each.result()
        writer.switch(batch)
        return batch.refused

    def rows(self) -> dict[Any, dict[str, Any]]:
        """What a reader sees: every file of every partition's folder."""
        found = [row for frame in self._read(self.table.name) for row in frame.to_dicts()]
        keys = [row["id"] for row in found]
        assert len(set(keys)) == len(keys)
        return {row["id"]: row for row in found}

    def versions(self) -> list[tuple[Any, int, str]]:
        """Every change that is in the files: key, offset, operation."""
        found = [row for frame in self._read(f"{self.table.name}_changes") for row in frame.to_dicts()]
        return sorted((row["id"], row["kafka_offset"], row["op"]) for row in found)

    def _read(self, name: str) -> Iterator[polars.DataFrame]:
        for partition in self.metastore.tables.get(name, {}).values():
            for stored in self.files.list(partition.location):
                with self.files.open(stored.uri) as stream:
                    yield polars.read_parquet(io.BytesIO(stream.read()))


@pytest.fixture
def lab(tmp_path: Any) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.executor.shutdown()


def change(offset: int, key: int, employees: int | None = None, op: str = "u", **more: Any) -> Change:
    row = {"id": key, "name": f"Firm {key}", "sector": "IT", "city": "Lyon", "region": "Rhône", "employees": employees}
    return Change(
        key, offset, offset * 10, offset * 1000, op, None if employees is None else {**row, "extra": None, **more}
    )


def gone(offset: int, key: int) -> Change:
    return change(offset, key, op="d")


def employees(lab: Lab) -> dict[int, int]:
    return {key: row["employees"] for key, row in lab.rows().items()}


def test_rows_are_those_of_the_last_changes_and_every_change_is_kept(lab):
    writer = lab.writer()

    lab.take(writer, change(0, 1, 10, "c"), change(1, 2, 20, "c"), change(2, 1, 11))
    lab.take(writer, gone(3, 2), change(5, 3, 30, "c"))

    assert employees(lab) == {1: 11, 3: 30}
    assert lab.versions() == [(1, 0, "c"), (1, 2, "u"), (2, 1, "c"), (2, 3, "d"), (3, 5, "c")]
    row = lab.rows()[1]
    assert (row["lsn"], row["kafka_partition"], row["kafka_offset"]) == (20, 0, 2)
    assert row["changed_at"] == datetime(1970, 1, 1, 0, 0, 2)
    assert writer.offsets == {0: 5}


def test_nothing_of_a_batch_is_visible_before_all_of_it_is(lab):
    writer = lab.writer()
    lab.take(writer, *(change(n, n, 1, "c") for n in range(20)))
    before = lab.rows()

    batch = writer.prepare({0: [change(20 + n, n, 2) for n in range(20)]}, lab.executor)
    for each in writer.write(batch, lab.executor):
        each.result()

    assert lab.rows() == before
    writer.switch(batch)
    assert set(employees(lab).values()) == {2}


def test_what_was_taken_before_is_left_out(lab):
    writer = lab.writer()
    lab.take(writer, change(0, 1, 10, "c"), gone(1, 1))

    lab.take(writer, change(0, 1, 10, "c"), gone(1, 1), change(2, 2, 20, "c"))

    assert employees(lab) == {2: 20}
    assert lab.versions() == [(1, 0, "c"), (1, 1, "d"), (2, 2, "c")]


def test_partitions_of_a_topic_count_for_themselves(tmp_path):
    lab = Lab(tmp_path, GRADES)
    row = {
        "id": 1,
        "student_id": 1,
        "subject": "5DATA",
        "date": date(2020, 1, 1),
        "grade": None,
        "extra": None,
    }
    writer = lab.writer()

    lab.take(writer, Change(1, 7, 70, 1000, "c", row), number=1)
    lab.take(writer, Change(2, 3, 80, 2000, "c", {**row, "id": 2}), number=2)

    assert lab.writer().offsets == {0: -1, 1: 7, 2: 3}
    assert lab.versions() == [(1, 7, "c"), (2, 3, "c")]
    lab.executor.shutdown()


def test_a_row_that_is_read_again_as_it_was_is_no_new_version(lab):
    writer = lab.writer()
    lab.take(writer, change(0, 1, 10, "r"), change(1, 2, 20, "r"))

    lab.take(writer, change(2, 1, 10, "r"), change(3, 2, 21, "r"))

    assert lab.versions() == [(1, 0, "r"), (2, 1, "r"), (2, 3, "r")]
    assert {key: row["kafka_offset"] for key, row in lab.rows().items()} == {1: 0, 2: 3}
    assert writer.offsets == {0: 3}


def test_a_change_that_nobody_can_apply_is_told_and_the_rest_goes_on(lab):
    writer = lab.writer()

    refused = lab.take(writer, change(0, 1, 10, name=UNCHANGED), change(1, 2, 20, "c"))

    assert employees(lab) == {2: 20}
    assert [(number, change.offset) for number, change, _ in refused] == [(0, 0)]
    assert "leaves out name" in refused[0][2]


def test_a_text_that_was_not_sent_is_taken_from_the_row(lab):
    writer = lab.writer()
    lab.take(writer, change(0, 1, 10, "c", name="x" * 100_000))

    lab.take(writer, change(1, 1, 11, name=UNCHANGED))

    assert lab.rows()[1]["name"] == "x" * 100_000


def test_another_topic_of_that_name_begins_the_table_anew(lab):
    lab.take(lab.writer(), change(0, 1, 10, "c"), change(1, 2, 20, "c"))

    writer = lab.writer("topic-2")

    assert writer.offsets == {0: -1}
    assert lab.rows() == {}
    assert lab.versions() == []
    lab.take(writer, change(0, 2, 21, "r"))
    assert employees(lab) == {2: 21}
    assert lab.versions() == [(2, 0, "r")]
    assert employees(lab) == {2: 21}


def test_many_files_of_a_day_become_one(lab, monkeypatch):
    monkeypatch.setattr(lake_table, "MANY", 3)
    writer = lab.writer(grace=1000)
    for n in range(3):
        assert not writer.compact(lab.executor)
        lab.take(writer, change(n, n, n, "c"))
    folder = lab.metastore.tables["companies_changes"]["1970-01-01"].location

    assert writer.compact(lab.executor)

    now = lab.metastore.tables["companies_changes"]["1970-01-01"].location
    assert [stored.uri.rpartition("/")[2] for stored in lab.files.list(now)] == ["0-0-2.parquet"]
    assert len(lab.files.list(folder)) == 3  # for who reads them now
    assert lab.versions() == [(0, 0, "c"), (1, 1, "c"), (2, 2, "c")]
    lab.take(writer, change(3, 3, 3, "c"))
    assert lab.versions()[-1] == (3, 3, "c")


def test_former_folders_stay_for_their_readers_and_go_then(lab):
    writer = lab.writer(grace=300)
    lab.take(writer, change(0, 1, 10, "c"))
    former = next(p for p in lab.metastore.tables["companies"].values() if p.notes["lake.offset"] == "0").location
    lab.take(writer, change(1, 1, 11))

    lab.sweep.run()
    assert lab.files.list(former)
    lab.writer(grace=-1)  # another writer finds what is in no entry by looking
    lab.sweep.run()
    assert not lab.files.list(former)
    assert employees(lab) == {1: 11}
    assert lab.versions() == [(1, 0, "c"), (1, 1, "u")]


def test_what_is_to_be_deleted_is_deleted_some_at_a_time(tmp_path):
    files = FolderStorage(tmp_path)
    folders = [f"hdfs:///lake/x/{number}" for number in range(5)]
    for folder in folders:
        files.write(f"{folder}/rows.parquet", b"x")
    sweep = Sweep(files, grace=10)
    sweep.later(folders, now=0)
    assert [sweep.run(9, most=2), sweep.run(11, most=2), sweep.run(11), sweep.run(11)] == [0, 2, 3, 0]
    assert files.list("hdfs:///lake/x") == []


STORY = (
    [change(0, 1, 10, "c"), change(1, 2, 20, "c"), change(2, 3, 30, "c")],
    [change(3, 1, 11), gone(4, 2)],
    [change(5, 2, 21, "c"), change(6, 1, 12), change(7, 4, 40, "c")],
)


def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(tmp_path, monkeypatch):
    monkeypatch.setattr(lake_table, "MANY", 2)
    moment = 0
    while True:
        moment += 1
        lab = Lab(tmp_path / str(moment))
        lives = story(lab, moment)
        assert employees(lab) == {1: 12, 2: 21, 3: 30, 4: 40}, moment
        assert lab.versions() == [
            (1, 0, "c"), (1, 3, "u"), (1, 6, "u"), (2, 1, "c"), (2, 4, "d"), (2, 5, "c"), (3, 2, "c"), (4, 7, "c"),
        ], moment  # fmt: skip
        lab.executor.shutdown()
        if lives == 1:
            break
    assert moment > 40  # kills: before and after each call that changes something


def story(lab: Lab, moment: int) -> int:
    """Take all batches, killed once, at that moment; returns how many writers it took."""
    when, lives = [moment], 0
    while True:
        lives += 1
        try:
            writer = lab.writer(when=when, grace=-1)
            for batch in STORY:
                lab.take(writer, *(each for each in batch if each.offset > writer.offsets[0]))
                writer.compact(lab.executor)
                lab.sweep.run()
        except Killed:
            continue
        return lives


def test_hdfs_that_refuses_leaves_all_as_it_was(lab):
    writer = lab.writer()
    lab.take(writer, change(0, 1, 10, "c"))
    batch = writer.prepare({0: [change(1, 1, 11)]}, lab.executor)
    writer._files = Refusing()

    writing = writer.write(batch, lab.executor)

    assert [type(each.exception()) for each in writing] == [LabError] * 2
    assert employees(lab) == {1: 10}


class Refusing:
    def write(self, uri: str, content: bytes) -> None:
        raise LabError("full", where=uri)


def test_what_lasts_is_said_once_and_that_it_is_over():
    trouble = Trouble()

    def full(size: str, file: str) -> LabError:
        return LabError(f"HDFS is full: quota = 1 B but diskspace consumed = {size}", where=file, fix="free some")

    assert trouble.over() == ""
    assert trouble.begins(full("134217728 B = 128 MB", "/a")).endswith("128 MB (/a): free some")
    assert trouble.begins(full("1610612736 B = 1.50 GB", "/b")) == ""
    assert "no broker" in trouble.begins(OSError("no broker answers"))
    assert trouble.kind
    assert trouble.over() == "the lake follows the ERP"
    assert trouble.over() == ""
    assert trouble.begins(full("1 B", "/c"))


# Thrift's wire, against Thrift's own library.

SAMPLE: thrift.Struct = {
    1: thrift.text("é"),
    2: thrift.number(-5),
    3: thrift.flag(True),
    4: thrift.Field(thrift.I64, 2**40),
    5: thrift.texts(["a", ""]),
    6: thrift.mapping({"k": "v"}),
    7: thrift.records([{1: thrift.text("in")}, {}]),
    9: thrift.Field(thrift.I16, -32767),
}


def test_thrifts_own_library_reads_what_we_write():
    there = TBinaryProtocol(TMemoryBuffer(thrift.encoded(SAMPLE)))
    there.readStructBegin()
    read = {}
    reads = {
        TType.STRING: there.readString, TType.I32: there.readI32, TType.BOOL: there.readBool,
        TType.I64: there.readI64, TType.I16: there.readI16,
    }  # fmt: skip
    while True:
        _, kind, number = there.readFieldBegin()
        if kind == TType.STOP:
            break
        if kind in reads:
            read[number] = reads[kind]()
        else:
            there.skip(kind)
            read[number] = kind
    assert read == {
        1: "é", 2: -5, 3: True, 4: 2**40, 5: TType.LIST, 6: TType.MAP, 7: TType.LIST, 9: -32767,
    }  # fmt: skip


def test_what_a_server_sends_comes_back_as_it_was():
    assert thrift.decoded(thrift.encoded(SAMPLE)) == SAMPLE
    with pytest.raises(OSError, match="ended"):
        thrift.decoded(thrift.encoded(SAMPLE)[:-3])


def test_buckets_of_partitions_do_not_meet():
    found = {n: {tables.bucket(n, key) for key in range(1000)} for n in range(3)}

    assert found == {0: {0, 1, 2, 3}, 1: {4, 5, 6, 7}, 2: {8, 9, 10, 11}}
