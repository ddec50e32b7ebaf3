"""`lab report --stack`: the report of the last run of `unload_erp`, made from what the stack's servers say."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lab import cluster, quality
from lab.report.model import TITLE, RunRecord, Size, Span
from lab.report.page import write_report
from lab.report.questions import write_answers
from lab.stack.airflow import Airflow
from lab.stack.compose import versions
from lab.stack.place import Stack
from lab.stack.verify import check_tables
from lab.warehouse import anonymity, answers
from lakelab.database import connected, server_version
from lakelab.errors import LabError

DAG = "unload_erp"
STATES = {"success": "COMPLETED", "failed": "FAILED", "skipped": "SKIPPED", "upstream_failed": "SKIPPED"}
_FOLDERS = {
    "presentation (HDFS)": "/dev/data",
    "marts (Hive)": "/user/hive/warehouse",
    "quarantine": "/dev/quarantine",
}

Shape = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of the pipeline in Airflow; a run that goes on ends now."""

    began: datetime
    ended: datetime
    tasks: list[Shape]

    @classmethod
    def last(cls, airflow: Airflow, dag: str = DAG) -> Run:
        """LabError when the pipeline has not run yet."""
        found = airflow.last_run(dag)
        began = _time(found["start_date"]) if found else None
        if found is None or began is None:
            raise LabError(f"{dag} has not run yet", where=airflow.url, fix="trigger it there; the login: `make urls`")
        ended = _time(found["end_date"]) or datetime.now(UTC)
        return cls(began, ended, airflow.tasks(dag, found["dag_run_id"]))

    def span(self, name: str, kind: str, start: datetime, end: datetime | None, state: str, log: str = "") -> Span:
        """A part of the run, on the run's own clock."""
        length = (end or self.ended) - start
        return Span(name, kind, (start - self.began).total_seconds(), length.total_seconds(), state, log)


def make_report(stack: Stack) -> Path:
    """Ask the servers, write run.json, answers.json and report.html; returns the report.

    LabError when the pipeline has not run, or a server does not answer.
    """
    airflow = stack.airflow
    run = Run.last(airflow)
    with stack.warehouse() as warehouse:
        tables = check_tables(stack, warehouse)
        found = answers(warehouse)
        marts = anonymity(warehouse)
    record = RunRecord(
        title=TITLE,
        place="stack",
        seed=int(stack.environment["LAB_SEED"]),
        scale=next((c.erp.rows for c in tables if c.table == "students" and c.erp), 0),
        started=run.began.astimezone().isoformat(timespec="seconds"),
        duration=(run.ended - run.began).total_seconds(),
        versions=server_versions(stack, airflow),
        timeline=tuple(spans_of(run, stack)),
        tables=tuple(tables),
        findings=tuple(quality.findings(stack.files)),
        anonymity=tuple(marts),
        sizes=tuple(_sizes(stack)),
        error=failed_tasks(run.tasks),
    )
    record.write(stack.folder / "run.json")
    write_answers(stack.folder / "answers.json", found)
    write_report(stack.report, record, found)
    return stack.report


def spans_of(run: Run, stack: Stack) -> list[Span]:
    """The run's tasks and the steps that ran meanwhile, by their beginning."""
    return sorted([*_tasks(run), *_steps(stack, run)], key=lambda span: span.start)


def _tasks(run: Run) -> Iterator[Span]:
    """The tasks that began, as stages."""
    for task in run.tasks:
        start = _time(task["start_date"])
        if start is not None:
            state = STATES.get(task["state"], str(task["state"]).upper())
            yield run.span(task["task_id"], "stage", start, _time(task["end_date"]), state)


def _steps(stack: Stack, run: Run) -> Iterator[Span]:
    """The steps that ran meanwhile on any cluster."""
    for summary in cluster.all_clusters(stack.emr, CreatedBefore=run.ended):
        gone = summary["Status"]["Timeline"].get("EndDateTime")
        if gone is not None and gone < run.began:
            continue
        for step in cluster.all_steps(stack.emr, summary["Id"]):
            timeline = step["Status"]["Timeline"]
            if timeline["CreationDateTime"] < run.began:
                break  # newest first
            if "StartDateTime" in timeline and timeline["CreationDateTime"] <= run.ended:
                log = f"{summary['Id']}/steps/{step['Id']}"
                state = step["Status"]["State"]
                yield run.span(step["Name"], "step", timeline["StartDateTime"], timeline.get("EndDateTime"), state, log)


def failed_tasks(tasks: list[Shape]) -> str:
    failed = [task["task_id"] for task in tasks if task["state"] == "failed"]
    return f"failed in Airflow: {', '.join(failed)}" if failed else ""


def server_versions(stack: Stack, airflow: Airflow) -> dict[str, str]:
    pinned = versions()
    with connected(stack.connecting()) as connection:
        postgres = server_version(connection)
    return {
        "Lakelab": version("lakelab"),
        "Python": platform.python_version(),
        "Airflow": str(airflow.call("GET", "/version")["version"]),
        "Spark": pinned["PYSPARK_VERSION"],
        "Hadoop": pinned["HADOOP_VERSION"],
        "Hive": pinned["HIVE_VERSION"],
        "PostgreSQL": postgres,
    }


def _sizes(stack: Stack) -> Iterator[Size]:
    stage = stack.storage.list(stack.settings.stage_uri)
    yield Size("stage (S3)", sum(stored.size for stored in stage), len(stage))
    for name, folder in _FOLDERS.items():
        yield Size(name, *stack.hdfs.size(folder))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
