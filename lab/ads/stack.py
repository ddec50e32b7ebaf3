"""Ad logs on the stack: into its S3, and the report of what `ad_trends` found in them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lab.ads.logs import Logs, fill_bucket
from lab.ads.pipeline import TITLE, ask_warehouse, seed_of, sizes
from lab.report.model import RunRecord
from lab.report.page import write_report
from lab.report.questions import Answer
from lab.stack.place import Stack
from lab.stack.prepare import create_bucket
from lab.stack.report import Run, failed_tasks, server_versions, spans_of
from lab.timeline import Timeline

DAG = "ad_trends"


def fill_stack(wanted: Logs, timeline: Timeline) -> None:
    """Make logs and put them into the stack's S3. LabError when it does not run."""
    stack = Stack.of_this_clone()
    create = partial(create_bucket, stack.aws("s3"))
    fill_bucket(stack.storage, create, stack.settings, wanted, timeline, stack.folder)


def make_report() -> tuple[Path, list[Answer]]:
    """Write the page of the last run of `ad_trends`; returns it, and the answers. LabError when there was none."""
    stack = Stack.of_this_clone()
    run = Run.last(stack.airflow, DAG)
    with stack.warehouse() as warehouse:
        asked = ask_warehouse(warehouse)
    record = RunRecord(
        title=TITLE,
        place="stack",
        seed=seed_of(stack.storage, stack.settings),
        scale=asked.impressions,
        counted="impression",
        started=run.began.astimezone().isoformat(timespec="seconds"),
        duration=(run.ended - run.began).total_seconds(),
        versions=server_versions(stack, stack.airflow),
        timeline=tuple(spans_of(run, stack)),
        sizes=sizes(stack.storage, stack.settings),
        findings=asked.findings,
        error=failed_tasks(run.tasks),
    )
    path = stack.folder / "ads.html"
    write_report(path, record, asked.answers)
    return path, asked.answers
