"""Tables of a real ERP come out as files: exact bytes, one moment, one line where it cannot be."""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import zstandard
from erp_server import SCHOOL, STUDENTS_IN_STAGE, Erp

from lakelab import unload
from lakelab.catalogue import GRADES, STUDENTS
from lakelab.errors import LabError
from lakelab.render import unload_sql
from lakelab.snapshot import Snapshot, open_snapshot
from lakelab.storage import FolderStorage
from lakelab.unload import Unloaded, query_to_local

BULK = "SELECT id, note FROM public.bulk /*slice*/"


@pytest.fixture
def bulk(erp_server: Erp) -> Erp:
    """A table of more than 8 MiB with holes, whose page order is not its key order."""
    erp_server.execute("DROP TABLE IF EXISTS public.bulk; CREATE TABLE public.bulk (id int, note text)")
    erp_server.execute(
        "INSERT INTO bulk SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE repeat('é', i % 40) || i || '\",' END"
        " FROM generate_series(1, 150000) i"
    )
    erp_server.execute("DELETE FROM bulk WHERE id BETWEEN 40000 AND 60000")
    erp_server.execute("UPDATE bulk SET note = 'moved' WHERE id % 1000 = 0")
    erp_server.execute("GRANT SELECT ON bulk TO erp_unloader")
    return erp_server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a file goes: a folder of its own, to see what is left in it."""
    return tmp_path / "unload" / "table.csv"


def files_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_every_value_is_written_as_the_stage_wants_it(loaded: Erp, target: Path) -> None:
    done = query_to_local("students", unload_sql(STUDENTS), target, connect=loaded.unloader)

    assert target.read_bytes().decode() == STUDENTS_IN_STAGE
    assert done == Unloaded("students", 3, len(STUDENTS_IN_STAGE.encode()), target)
    assert files_beside(target) == ["table.csv"]
    assert target.stat().st_mode & 0o077 == 0


def test_the_text_does_not_depend_on_the_sessions_settings(loaded: Erp, target: Path) -> None:
    settings = "-c datestyle=German -c client_encoding=LATIN1 -c standard_conforming_strings=off"
    query_to_local("students", unload_sql(STUDENTS), target, connect=lambda: loaded.unloader(options=settings))
    assert target.read_bytes().decode() == STUDENTS_IN_STAGE


def test_many_backends_write_the_bytes_of_one(bulk: Erp, target: Path, tmp_path: Path) -> None:
    one = query_to_local("bulk", BULK, target, connect=bulk.unloader, workers=1)
    expected = target.read_bytes()

    assert one.rows == 150_000 - 20_001
    assert one.bytes == len(expected)
    for workers in (2, 3, 5):
        many = query_to_local("bulk", BULK, tmp_path / "many.csv", connect=bulk.unloader, workers=workers)
        assert (many.rows, many.bytes) == (one.rows, one.bytes)
        assert many.path.read_bytes() == expected


def test_a_large_table_is_read_by_several_backends(bulk: Erp, target: Path) -> None:
    opened = []

    def connect() -> Any:
        opened.append(1)
        return bulk.unloader()

    query_to_local("bulk", BULK, target, connect=connect, workers=3)
    assert len(opened) == 1 + 3  # the snapshot's own session, and three readers


def test_all_tables_are_of_one_moment(loaded: Erp, bulk: Erp, target: Path, tmp_path: Path) -> None:
    query_to_local("bulk", BULK, target, connect=bulk.unloader)
    before = target.read_bytes()
    with open_snapshot(loaded.unloader) as snapshot:
        loaded.execute("INSERT INTO bulk SELECT i, 'late' FROM generate_series(1, 100000) i")
        loaded.execute("DELETE FROM bulk WHERE id < 1000; UPDATE grades SET grade = 0")
        query_to_local("bulk", BULK, target, connect=bulk.unloader, snapshot=snapshot.id)
        grades = tmp_path / "grades.csv"
        query_to_local("grades", unload_sql(GRADES), grades, connect=loaded.unloader, snapshot=snapshot.id)

    assert target.read_bytes() == before
    assert grades.read_text() == SCHOOL["grades"]
    assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", snapshot.lsn or "")
    assert query_to_local("bulk", BULK, target, connect=bulk.unloader).bytes != len(before)


def test_a_snapshot_that_is_over_is_named(loaded: Erp, target: Path) -> None:
    with open_snapshot(loaded.unloader) as snapshot:
        pass
    with pytest.raises(LabError, match="the snapshot is gone"):
        query_to_local("grades", unload_sql(GRADES), target, connect=loaded.unloader, snapshot=snapshot.id)


def unpacked(path: Path) -> Any:
    return zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)


@pytest.mark.parametrize(
    ("compression", "opened"),
    [("gzip", gzip.open), ("zstd", unpacked)],
)
def test_a_compressed_file_holds_the_same_records(
    bulk: Erp, target: Path, compression: unload.Compression, opened: Callable[[Path], Any]
) -> None:
    query_to_local("bulk", BULK, target, connect=bulk.unloader)
    expected = target.read_bytes()

    packed = query_to_local("bulk", BULK, target, connect=bulk.unloader, compression=compression)
    first = target.read_bytes()
    query_to_local("bulk", BULK, target, connect=bulk.unloader, compression=compression)

    assert packed.bytes == len(first) < len(expected)
    with opened(target) as stream:
        assert stream.read() == expected
    assert target.read_bytes() == first


def test_progress_ends_with_the_files_size(bulk: Erp, target: Path) -> None:
    said: list[tuple[str, int, int | None]] = []
    done = query_to_local("bulk", BULK, target, connect=bulk.unloader, progress=lambda *each: said.append(each))
    assert said[-1] == ("bulk", done.bytes, done.bytes)
    assert [each[1] for each in said] == sorted(each[1] for each in said)


def line(target: Path, sql: str = BULK, table: str = "bulk", **options: Any) -> str:
    """The one line of an unload that fails; it leaves no file behind and keeps the one that was there."""
    target.parent.mkdir(exist_ok=True)
    target.write_text("former")
    with pytest.raises(LabError) as caught:
        query_to_local(table, sql, target, **options)
    assert target.read_text() == "former"
    assert files_beside(target) == [target.name]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_table(erp_server: Erp, target: Path) -> None:
    said = line(target, "SELECT * FROM public.nobody /*slice*/", "nobody", connect=erp_server.unloader)
    assert said == "table public.nobody does not exist in the ERP (public.nobody): load the ERP first"


def test_a_script_that_names_a_missing_table(loaded: Erp, target: Path) -> None:
    said = line(target, "SELECT * FROM public.nobody /*slice*/", "grades", connect=loaded.unloader)
    assert said == "table public.nobody does not exist in the ERP (public.grades): load the ERP first"


def test_no_right_to_read(erp_server: Erp, target: Path) -> None:
    erp_server.execute("DROP TABLE IF EXISTS public.hidden; CREATE TABLE public.hidden (id int)")
    said = line(target, "SELECT id FROM public.hidden /*slice*/", "hidden", connect=erp_server.unloader)
    assert said.startswith("no right to read public.hidden (permission denied for table hidden): GRANT SELECT")


def test_a_script_that_changes_rows(bulk: Erp, target: Path) -> None:
    sql = "WITH gone AS (DELETE FROM public.bulk RETURNING id, note) SELECT * FROM gone, public.bulk /*slice*/"
    assert "cannot execute SELECT in a read-only transaction" in line(target, sql, connect=bulk.owner)


def test_a_script_without_its_marker_reaches_no_server(target: Path) -> None:
    def connect() -> Any:
        raise AssertionError

    assert "needs /*slice*/ once" in line(target, "SELECT id FROM public.bulk", connect=connect)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "guess"}, "the ERP refuses the user name or password"),
        ({"password": ""}, "the ERP asks for a password and none was given"),
        ({"user": "somebody"}, "the ERP refuses the user name or password"),
        ({"dbname": "CRM"}, "the ERP's database does not exist"),
        ({"port": 1}, "no ERP answers at this address"),
        ({"host": "/nowhere"}, "no ERP answers at this socket"),
        ({"host": "erp.invalid"}, "the ERP's host name is unknown"),
    ],
)
def test_no_session(erp_server: Erp, target: Path, wrong: dict[str, Any], said: str) -> None:
    place = erp_server.server.place
    right = {
        "host": "127.0.0.1", "port": place.settings.erp_port, "user": "erp_unloader", "dbname": "ERP",
        "password": place.secrets["ERP_UNLOADER_PASSWORD"],
    }  # fmt: skip
    found = line(target, connect=lambda: psycopg2.connect(**{**right, **wrong}))
    assert found.startswith(said)
    assert right["password"] not in found


def test_an_error_in_one_range_stops_all(bulk: Erp, target: Path) -> None:
    sql = "SELECT id, 1 / (id - 149999) FROM public.bulk /*slice*/"
    said = line(target, sql, connect=bulk.unloader, workers=3)
    assert said.startswith("the ERP says: division by zero (public.bulk)")


def test_ctrl_c_ends_the_servers_work_too(bulk: Erp, target: Path) -> None:
    def interrupt(table: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    sql = "SELECT id, pg_sleep(0.01) FROM public.bulk /*slice*/"  # 20 minutes, were it not cancelled
    with pytest.raises(KeyboardInterrupt):
        query_to_local("bulk", sql, target, connect=bulk.unloader, progress=interrupt)
    assert files_beside(target) == []


def test_a_disk_that_is_full(bulk: Erp, target: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails half way, as there."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    target.parent.mkdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, limits[1]))
    try:
        said = line(target, connect=bulk.unloader)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said.startswith("cannot write table.csv.")
    assert said.endswith(f"File too large ({target.parent}): free space or rights, then again")


def test_a_folder_that_is_a_file(loaded: Erp, tmp_path: Path) -> None:
    (tmp_path / "unload").write_text("")
    with pytest.raises(LabError, match=r"^cannot write grades.csv: "):
        query_to_local("grades", unload_sql(GRADES), tmp_path / "unload" / "grades.csv", connect=loaded.unloader)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(loaded: Erp, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LabError, match=r"^cannot write grades.csv: Permission denied"):
            query_to_local("grades", unload_sql(GRADES), tmp_path / "grades.csv", connect=loaded.unloader)
    finally:
        tmp_path.chmod(0o700)


def test_the_stage_is_complete_when_the_manifest_is_there(loaded: Erp, tmp_path: Path) -> None:
    storage, stage = FolderStorage(tmp_path), "s3://5data-bucket/stage"
    storage.create_bucket("5data-bucket")
    with pytest.raises(LabError, match=r"^the stage is not complete \(s3://5data-bucket/stage/_manifest.json\)"):
        unload.read_manifest(storage, stage)

    with open_snapshot(loaded.unloader) as snapshot:
        done = query_to_local(
            "grades", unload_sql(GRADES), tmp_path / "grades.csv", connect=loaded.unloader, snapshot=snapshot.id
        )
    assert unload.csv_to_s3(done.path, f"{stage}/grades.csv", storage) == done.bytes
    unload.write_manifest(storage, stage, [done], snapshot)

    assert storage.open(f"{stage}/grades.csv").read().decode() == SCHOOL["grades"]
    assert unload.read_manifest(storage, stage) == {
        "snapshot": {"id": snapshot.id, "lsn": snapshot.lsn},
        "tables": {"grades": {"file": "grades.csv", "rows": 3, "bytes": len(SCHOOL["grades"])}},
    }
    unload.withdraw_manifest(storage, stage)
    assert not storage.exists(f"{stage}/_manifest.json")


def test_the_manifest_of_the_same_stage_is_the_same(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.create_bucket("b")
    tables = [Unloaded(name, 1, 2, tmp_path / f"{name}.csv") for name in ("grades", "events")]
    uri = unload.write_manifest(storage, "s3://b/stage/", tables, Snapshot("x"))
    first = storage.open(uri).read()
    unload.write_manifest(storage, "s3://b/stage", reversed(tables), Snapshot("x"))
    assert storage.open(uri).read() == first
    assert list(json.loads(first)["tables"]) == ["events", "grades"]


def test_a_missing_bucket_is_named(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_text("1\n")
    with pytest.raises(LabError, match=r"^bucket 5data-bucket does not exist"):
        unload.csv_to_s3(tmp_path / "grades.csv", "s3://5data-bucket/stage/grades.csv", FolderStorage(tmp_path))


def test_a_file_that_was_not_unloaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"^grades.csv was not unloaded .*: run query_to_local first$"):
        unload.csv_to_s3(tmp_path / "grades.csv", "s3://b/stage/grades.csv", FolderStorage(tmp_path))
