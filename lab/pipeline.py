"""The main pipeline in embedded mode: ERP → unload → stage → EMR steps → warehouse → proof → answers → report.

The parts are those that Airflow and EMR run elsewhere: the unload functions, `dags/EMR/steps.json`, the job files.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lab import cluster, proof, quality
from lab.embedded import emr
from lab.embedded.java import find_java
from lab.embedded.metastore import ensure_metastore
from lab.embedded.place import Place
from lab.embedded.postgres import OWNER, UNLOADER, Postgres
from lab.embedded.spark import Spark
from lab.publish import publish
from lab.report.model import KILLED, TITLE, Anonymity, RunRecord, Size, TableCheck
from lab.report.page import write_report
from lab.report.questions import Answer, write_answers
from lab.timeline import Timeline
from lab.warehouse import Warehouse, anonymity, answers
from lakelab import render
from lakelab.catalogue import TABLES
from lakelab.checksums import Checksum, presentation_checksums
from lakelab.database import Connect, connected, server_version
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY
from lakelab.snapshot import open_snapshot
from lakelab.storage import files_below
from lakelab.unload import withdraw_manifest
from lakelab.unload_tasks import Report, complete_stage, reported, unload_table
from services.aws.emr.errors import EmrError

PLACE = "embedded"
PUBLIC_STEP = "Students from staging to public"
Fill = Callable[["Run"], None]


@dataclass
class Run:
    """One run in progress, and what it has found out so far."""

    place: Place
    timeline: Timeline
    postgres: Postgres
    checks: list[TableCheck] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)
    seed: int | None = None
    server: str = ""  # Postgres' version, once it answered

    @property
    def settings(self) -> Any:
        return self.place.settings

    @property
    def unloader(self) -> Connect:
        """What opens a session that may read the ERP."""
        return partial(self.postgres.connect, UNLOADER)


@dataclass(frozen=True)
class Outcome:
    record: RunRecord
    answers: list[Answer]


def run_pipeline(place: Place, timeline: Timeline, fill: Fill | None = None) -> Outcome:
    """Run everything; `fill` brings data into the ERP first. The record and the report are written at the end.

    Raises LabError when a part fails; what was there before stays or is replaced whole, and a new run ends right.
    A run that fails leaves a record and a report that say so; one that is killed, the record that it began.
    """
    run = Run(place, timeline, Postgres(place))
    place.prepare()
    _begun(run).write(place.run_record)
    try:
        with run.postgres.running():
            return _run(run, fill)
    except BaseException as error:
        with contextlib.suppress(LabError, OSError):  # such as a full disk, which the error itself tells of
            _write(run, _record(run, [], error=_told(error)), [])
        raise


def _run(run: Run, fill: Fill | None) -> Outcome:
    _prepare(run)
    warehouse = Warehouse(Spark(run.place))
    watch = emr.StepWatch(run.timeline)
    try:
        with emr.opened_engine(run.place, watch) as engine:
            ready = cluster.ready_cluster(engine, run.settings)  # a new one sets itself up meanwhile
            if fill:
                fill(run)
            reports = unload(run)
            warehouse.later(lambda: warehouse.session)
            # The presentation is whole when the jobs on it begin: it is read beside them.
            copied = watch.when_running(PUBLIC_STEP)
            presentation = warehouse.later(lambda: presentation_checksums(warehouse.rows), after=copied)
            steps = cluster.read_steps(cluster.STEPS / "steps.json", run.settings)
            cluster.run_steps(engine, ready, steps, run.settings)
        return _conclude(run, warehouse, reports, presentation)
    finally:
        warehouse.close()


def _tidy(place: Place) -> None:
    """Remove what a killed run had half written: it would stay for ever, and has names in it."""
    for folder in (place.seed, place.clean, place.unload):
        for left in (folder, *folder.parent.glob(f".{folder.name}.*")):
            shutil.rmtree(left, ignore_errors=True)
    place.prepare()
    place.storage.remove_unfinished()


def _told(error: BaseException) -> str:
    """One line for the record. Of an error that nobody foresaw the kind alone: its text may hold somebody's data."""
    if isinstance(error, LabError | EmrError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "The run was stopped" if isinstance(error, KeyboardInterrupt) else f"Unforeseen: {type(error).__name__}"


def _prepare(run: Run) -> None:
    with run.timeline.stage("Prepare the catalogue and publish the jobs") as part:
        _tidy(run.place)
        storage = run.place.storage
        storage.create_bucket(run.settings.bucket)
        with connected(run.unloader) as connection:
            run.server = server_version(connection)
        ensure_metastore(run.place, run.postgres)
        count = publish(storage, run.settings, run.place.secrets["PSEUDONYM_KEY"])
        part.note(f"{count} files")


def load_folder(run: Run, folder: Path) -> None:
    """Replace the ERP's tables by the CSV files of a folder."""
    from lab import erase, erp

    with run.timeline.stage("Load the ERP") as part:
        rows = erp.load(
            partial(run.postgres.connect, OWNER),
            folder,
            grants=render.erp_grants(OWNER, UNLOADER),
            progress=lambda what, done, total: part.report(done, total or done),
        )
        forgotten = erase.replay(run.place, run.postgres)
        part.note(f"{sum(rows.values()):,} rows" + (f", {forgotten} persons erased again" if forgotten else ""))


def unload(run: Run) -> list[Report]:
    """All tables as of one moment, into the stage; the manifest comes last. Returns a report of each table."""
    storage, stage = run.place.storage, run.settings.stage_uri
    reports: list[Report] = []
    with run.timeline.stage("Unload to the stage") as part, open_snapshot(run.unloader) as snapshot:
        withdraw_manifest(storage, stage)
        for table in TABLES:
            sql = (REPOSITORY / "dags" / "scripts" / f"unload_{table.name}.sql").read_text(encoding="utf-8")
            report = unload_table(
                table.name, sql, connect=run.unloader, snapshot=snapshot.id, storage=storage, stage_uri=stage,
                workers=run.settings.unload_workers, folder=run.place.unload,
            )  # fmt: skip
            reports.append(report)
            part.report(len(reports), len(TABLES))
        complete_stage(storage, stage, reports, snapshot)
        part.note(f"{sum(r['rows'] for r in reports):,} rows, {sum(r['bytes'] for r in reports) / 1e6:.1f} MB")
    return reports


def _conclude(
    run: Run, warehouse: Warehouse, reports: list[Report], presentation: Future[dict[str, Checksum]]
) -> Outcome:
    with run.timeline.stage("Compare ERP, stage and presentation") as part:
        erp, stage = reported(reports), run.settings.stage_uri
        run.checks = proof.check_tables(erp, run.place.storage, stage, presentation.result())
        proof.require_equal(run.checks)
        part.note(f"{len(run.checks)} tables equal")
    with run.timeline.stage("Answer the questions") as part:
        found = answers(warehouse)
        part.note(f"{len(found)} answers")
        marts = anonymity(warehouse)
    outcome = Outcome(_record(run, marts), found)
    _write(run, outcome.record, found)
    return outcome


def _begun(run: Run) -> RunRecord:
    """That a run began, and no more: what stays there when it is killed."""
    return RunRecord(TITLE, PLACE, seed=None, scale=0, started=_moment(run), duration=0.0, error=KILLED)


def _record(run: Run, marts: list[Anonymity], error: str = "") -> RunRecord:
    return RunRecord(
        title=TITLE,
        place=PLACE,
        seed=run.seed,
        scale=next((c.erp.rows for c in run.checks if c.table == "students" and c.erp), _asked(run)),
        started=_moment(run),
        duration=run.timeline.elapsed,
        versions=_versions(run.server),
        timeline=tuple(run.timeline.spans),
        tables=tuple(run.checks),
        findings=tuple(quality.findings(run.place.storage)),
        refused=tuple(run.refused),
        anonymity=tuple(marts),
        sizes=tuple(_sizes(run)),
        error=error,
    )


def _moment(run: Run) -> str:
    return run.timeline.started.isoformat(timespec="seconds")


def _write(run: Run, record: RunRecord, found: list[Answer]) -> None:
    record.write(run.place.run_record)
    write_answers(run.place.answers, found)
    write_report(run.place.report, record, found)


def _asked(run: Run) -> int:
    """The students that the generator was asked for; 0 where the school is not a generated one."""
    return 0 if run.seed is None else int(run.settings.students)


def _versions(server: str) -> dict[str, str]:
    from importlib.metadata import version

    found = {
        "Lakelab": version("lakelab"),
        "Python": platform.python_version(),
        "Spark": version("pyspark"),
        "Java": find_java().version,
    }
    return found | ({"PostgreSQL": server} if server else {})


def _sizes(run: Run) -> list[Size]:
    folders = {
        "stage (S3)": run.place.home / "s3" / run.settings.bucket / "stage",
        "presentation (HDFS)": run.place.home / "hdfs" / "dev" / "data",
        "marts (Hive)": run.place.home / "hdfs" / "user" / "hive" / "warehouse",
        "quarantine": run.place.home / "hdfs" / "dev" / "quarantine",
    }
    return [_size(name, folder) for name, folder in folders.items()]


def _size(name: str, folder: Path) -> Size:
    sizes = [size for path, size in files_below(folder) if not path.name.startswith(".")]
    return Size(name, sum(sizes), len(sizes))
