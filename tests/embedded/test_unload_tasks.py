"""The tasks of `unload_erp` on a real ERP: one moment for all, and a proof that can fail."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from erp_server import STUDENTS_IN_STAGE, Erp
from polling import poll_until

from lakelab.catalogue import TABLES
from lakelab.errors import LabError, SnapshotGoneError
from lakelab.snapshot import Snapshot, hold_snapshot, open_snapshot, reader_at
from lakelab.storage import FolderStorage
from lakelab.unload import read_manifest
from lakelab.unload_tasks import complete_stage, prove, require_scale, unload_table

STAGE = "s3://lab/stage"
SCRIPTS = Path(__file__).parents[2] / "dags" / "scripts"


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    found = FolderStorage(tmp_path / "store")
    found.create_bucket("lab")
    return found


def unload_all(erp: Erp, storage: FolderStorage, snapshot: str) -> list[dict[str, Any]]:
    return [
        unload_table(
            table.name, (SCRIPTS / f"unload_{table.name}.sql").read_text(encoding="utf-8"),
            connect=erp.unloader, snapshot=snapshot, storage=storage, stage_uri=STAGE,
        )
        for table in TABLES
    ]  # fmt: skip


def as_presented(reports: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    """What the warehouse answers when it holds what was unloaded."""
    return [(report["table"], report["rows"], str(int(report["digest"], 16))) for report in reports]


class Holder(threading.Thread):
    """A session that holds a snapshot until it is told to end, as the task `hold_snapshot` does."""

    def __init__(self, erp: Erp) -> None:
        super().__init__(daemon=True)
        self.erp, self.published, self.enough = erp, threading.Event(), threading.Event()
        self.snapshot: Snapshot | None = None
        self.error: BaseException | None = None
        self.start()
        assert self.published.wait(10)

    def publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.published.set()

    def run(self) -> None:
        try:
            hold_snapshot(self.erp.unloader, self.publish, self.enough.is_set, poll=0.02)
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        self.enough.set()
        self.join(10)
        assert not self.is_alive()


def test_what_changes_in_the_erp_after_the_snapshot_is_in_no_file_and_in_no_checksum(
    loaded: Erp, storage: FolderStorage
) -> None:
    holder = Holder(loaded)
    assert holder.snapshot is not None
    loaded.execute("UPDATE students SET last_name = 'Later'; DELETE FROM attendances WHERE id = 3")
    reports = unload_all(loaded, storage, holder.snapshot.id)
    holder.end()

    assert holder.error is None
    with storage.open(f"{STAGE}/students.csv") as stream:
        assert stream.read().decode() == STUDENTS_IN_STAGE
    assert {r["table"]: r["rows"] for r in reports}["attendances"] == 3
    table, difference = prove(reports, storage, STAGE, lambda sql: as_presented(reports))
    assert difference == ""
    assert table.count(" equal ") == len(TABLES)


def test_a_snapshot_ends_with_its_holder(loaded: Erp) -> None:
    holder = Holder(loaded)
    assert holder.snapshot is not None
    with reader_at(loaded.unloader, holder.snapshot.id, "students"):
        pass
    holder.end()
    with pytest.raises(SnapshotGoneError, match="the snapshot is gone"):
        reader_at(loaded.unloader, holder.snapshot.id, "students").__enter__()


def test_a_holder_whose_session_is_ended_says_that_the_snapshot_is_gone(loaded: Erp) -> None:
    holder = Holder(loaded)
    administrator = loaded.server.connect("postgres", "postgres")
    administrator.cursor().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'erp_unloader'"
    )
    administrator.close()
    poll_until(lambda: not holder.is_alive(), "the holder notices")
    assert isinstance(holder.error, SnapshotGoneError)


def test_no_local_file_stays_behind(
    loaded: Erp, storage: FolderStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(local))
    sql = (SCRIPTS / "unload_grades.sql").read_text(encoding="utf-8")
    with open_snapshot(loaded.unloader) as snapshot:
        arguments: dict[str, Any] = {"connect": loaded.unloader, "snapshot": snapshot.id, "storage": storage}
        unload_table("grades", sql, **arguments, stage_uri=STAGE)
        with pytest.raises(LabError, match="bucket other does not exist"):
            unload_table("grades", sql, **arguments, stage_uri="s3://other/stage")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
        unload_table("grades", sql, **arguments, stage_uri=STAGE, folder=local)
    assert list(local.iterdir()) == []


def test_an_unload_that_fails_does_not_wait_for_its_checksum(loaded: Erp, storage: FolderStorage) -> None:
    blocker, opened = loaded.owner(), []
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'public.grades'::regclass"

    def connect() -> Any:
        if opened:  # the checksum has its session and waits: the unload itself gets none
            poll_until(lambda: loaded.execute(waiting) == [(1,)], "the checksum to wait for the table")
            raise psycopg2.OperationalError("Connection refused")
        opened.append(loaded.unloader())
        return opened[0]

    with open_snapshot(loaded.unloader) as snapshot:
        blocker.cursor().execute("LOCK TABLE public.grades IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LabError, match="no ERP answers at this address"):
            unload_table(
                "grades", "SELECT * FROM public.grades /*slice*/",
                connect=connect, snapshot=snapshot.id, storage=storage, stage_uri=STAGE,
            )  # fmt: skip
    assert opened[0].closed
    blocker.close()


def test_a_script_that_leaves_rows_out_is_refused(loaded: Erp, storage: FolderStorage) -> None:
    sql = "SELECT * FROM public.grades /*slice*/ AND id > 1"
    with open_snapshot(loaded.unloader) as snapshot, pytest.raises(LabError, match="2 records were unloaded"):
        unload_table(
            "grades", sql, connect=loaded.unloader, snapshot=snapshot.id, storage=storage, stage_uri=STAGE
        )  # fmt: skip
    assert not storage.exists(STAGE)


def test_the_stage_is_complete_only_with_all_tables_of_one_moment(loaded: Erp, storage: FolderStorage) -> None:
    with open_snapshot(loaded.unloader) as snapshot:
        reports = unload_all(loaded, storage, snapshot.id)

    with pytest.raises(LabError, match="not unloaded: campuses"):
        complete_stage(storage, STAGE, reports[1:], snapshot)
    other = [{**report, "snapshot": "other"} if report["table"] == "grades" else report for report in reports]
    with pytest.raises(LabError, match="at another moment than the rest: grades"):
        complete_stage(storage, STAGE, other, snapshot)
    assert not storage.exists(f"{STAGE}/_manifest.json")

    complete_stage(storage, STAGE, reports, snapshot, "2026-01-31")
    manifest = read_manifest(storage, STAGE)
    assert manifest["date"] == "2026-01-31"
    assert manifest["snapshot"]["id"] == snapshot.id
    assert manifest["tables"]["students"] == {
        "file": "students.csv", "rows": 3, "bytes": len(STUDENTS_IN_STAGE.encode())
    }  # fmt: skip


def test_the_proof_names_the_table_and_the_tier(loaded: Erp, storage: FolderStorage) -> None:
    with open_snapshot(loaded.unloader) as snapshot:
        reports = unload_all(loaded, storage, snapshot.id)
    with storage.open(f"{STAGE}/grades.csv") as stream:
        content = stream.read()
    storage.write(f"{STAGE}/grades.csv", content.replace(b"62.0", b"63.0"))
    presented = [row for row in as_presented(reports) if row[0] != "events"]

    table, difference = prove(reports, storage, STAGE, lambda sql: presented)

    assert difference == (
        "grades: stage has the 3 records of the ERP, but with other contents; events: missing in the presentation"
    )
    assert [line.split()[0] for line in table.splitlines() if "DIFFERENT" in line] == ["grades", "events"]


def test_a_school_of_another_size_is_refused(loaded: Erp) -> None:
    require_scale(loaded.unloader, 3)
    with pytest.raises(LabError, match="the ERP has 3 students, this run is for 5,000"):
        require_scale(loaded.unloader, 5000)
