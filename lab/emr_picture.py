"""The picture of the console in docs: `python -m lab.emr_picture docs/emr-console.png`.

An engine on a temporary folder with a history that was made up, and one step that really runs, behind the console as
`lab emr serve` has it; a Chromium looks at it.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import uvicorn

from lab.report.screenshot import photograph
from lakelab.errors import LabError
from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.model import Action, Cluster, ClusterState, Failure, Reason, ReasonCode, Step, StepState
from services.aws.emr.store import SqliteStore
from services.aws.server.embedded import FolderEmr
from services.aws.server.endpoint import application
from services.aws.server.settings import ConsoleSettings

KEY = "the-key-of-a-picture-and-of-nothing-else"
_BUDGET_MS = 6_000
_TABLES = ("campuses", "companies", "subjects", "professors", "students", "lessons", "grades", "attendances", "events")
_SPARK = ("spark-submit", "--deploy-mode", "cluster", "s3://5data-bucket/spark/students.py")
_ARGUMENTS = (
    *("--students", "s3://5data-bucket/stage/students.csv", "--grades", "s3://5data-bucket/stage/grades.csv"),
    *("--output_uri", "hdfs:///dev/data/ERP/STUDENTS"),
)
_FAILED = "AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://5data-bucket/stage/audiences.csv."
# What runs in the picture in place of Spark: it writes as Spark does, and takes its time.
_STAND_IN = """#!/bin/sh
say() { echo "$(date '+%y/%m/%d %H:%M:%S') $1" >&2; }
say "INFO SparkContext: Running Spark version 3.5.6"
say "INFO Client: Submitting application application_1764310000000_0042 to ResourceManager"
for stage in 0 1 2 3; do say "INFO DAGScheduler: Submitting 8 missing tasks from ResultStage $stage"; done
say "WARN TaskSetManager: Stage 3 contains a task of very large size (1412 KiB)"
for task in 1 2 3 4 5 6; do say "INFO TaskSetManager: Finished task $task.0 in stage 3.0 (TID $task) in 412 ms"; done
sleep 600
"""
_REQUEST = {
    "Name": "lakelab",
    "ReleaseLabel": "emr-7.13.0",
    "LogUri": "s3://5data-bucket/logs",
    "Applications": [{"Name": name} for name in ("Hadoop", "Hive", "Spark")],
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 2, "KeepJobFlowAliveWhenNoSteps": True},
    "Tags": [{"Key": "course", "Value": "5DATA"}],
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}


def _nightly(cluster: Cluster, at: datetime, night: int, *, broken: bool) -> Iterator[Step]:
    """The steps of one run, as they went."""
    begin = at
    for number, table in enumerate(_TABLES):
        args = (
            "s3-dist-cp",
            f"--src=s3://5data-bucket/stage/{table}.csv",
            f"--dest=/dev/data/ERP/{table.upper()}/{table}.csv",
        )
        took = timedelta(seconds=3.1 + 5.3 * ((number * 7 + night) % 4))
        step = Step(
            f"s-{night}NIGHT{number:02d}ERP", cluster.id, f"copy {table}", Action.CANCEL_AND_WAIT, "command-runner.jar",
            at, args, state=StepState.COMPLETED, started=begin, ended=begin + took,
        )  # fmt: skip
        yield step
        begin += took + timedelta(seconds=0.4)
    last = Step(
        f"s-{night}NIGHT99ERP", cluster.id, "audiences", Action.CONTINUE, "command-runner.jar", at,
        (*_SPARK[:-1], "s3://5data-bucket/spark/audiences.py"), state=StepState.COMPLETED, started=begin,
        ended=begin + timedelta(seconds=42),
    )  # fmt: skip
    uri = f"s3://5data-bucket/logs/{cluster.id}/steps/{last.id}/stderr.gz"
    yield replace(last, state=StepState.FAILED, failure=Failure("Exited with code 1", _FAILED, uri)) if broken else last


def _past(made: Cluster, now: datetime) -> list[Cluster | Step]:
    """Clusters that ended, and the nights of the one that lives."""
    began = now - timedelta(days=2, hours=3)
    failed = Reason(ReasonCode.STEP_FAILURE, "Shut down as step failed", fatal=True)
    done = Reason(ReasonCode.ALL_STEPS_COMPLETED, "Steps completed")
    gone = [
        _gone(made, "transient unload_erp", ClusterState.TERMINATED, done, began - timedelta(hours=21), 1265),
        _gone(made, "ad trends", ClusterState.TERMINATED_WITH_ERRORS, failed, began - timedelta(hours=9), 87),
        _gone(made, "ad trends", ClusterState.TERMINATED, done, began - timedelta(hours=2), 412),
    ]
    living = replace(made, created=began, ready=began + timedelta(seconds=31))
    nights = (now - timedelta(days=1, hours=2), now - timedelta(minutes=4))
    steps = [s for n, at in enumerate(nights, 1) for s in _nightly(living, at, n, broken=n == 1)]
    return [*gone, living, *steps]


def _gone(made: Cluster, name: str, state: ClusterState, reason: Reason, at: datetime, seconds: int) -> Cluster:
    request, ended = {**_REQUEST, "Name": name}, at + timedelta(seconds=seconds)
    return replace(
        made, id=f"j-{seconds:04d}PASTCLUST", request=request, state=state, reason=reason, created=at,
        ready=at + timedelta(seconds=29), ended=ended,
    )  # fmt: skip


@contextlib.contextmanager
def sample(place: Path) -> Iterator[tuple[EmrEngine, str, str]]:
    """An engine with a past and a running step; its cluster and that step."""
    storage = FolderStorage(place)
    storage.create_bucket("5data-bucket")
    binary = place / "bin" / "spark-submit"
    binary.parent.mkdir()
    binary.write_text(_STAND_IN)
    binary.chmod(0o755)
    store = SqliteStore(place / "emr" / "state.db")
    with EmrEngine(store, LocalExecutor(place / "emr" / "steps"), storage, path=[binary.parent]) as engine:
        cluster_id = engine.run_job_flow(_REQUEST)["JobFlowId"]
        engine.wait_for_cluster(cluster_id, timeout=30)
        made = store.cluster(cluster_id)
        assert made is not None
        store.save(*_past(made, datetime.now(UTC)))
        log = f"Traceback (most recent call last):\n{_FAILED}\n".encode()
        storage.write(f"s3://5data-bucket/logs/{cluster_id}/steps/s-1NIGHT99ERP/stderr.gz", gzip.compress(log))
        step = {
            "Name": "students", "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": [*_SPARK, *_ARGUMENTS]},
        }  # fmt: skip
        copies = [{**step, "Name": name} for name in ("students", "students without names", "marts")]
        first, *_ = engine.add_job_flow_steps({"JobFlowId": cluster_id, "Steps": copies})["StepIds"]
        try:
            yield engine, cluster_id, first
        finally:
            engine.close(terminate=True)
    store.close()


class _Sample(FolderEmr):
    def __init__(self, engine: EmrEngine) -> None:
        self.engine = engine

    def close(self) -> None:
        pass


@contextlib.contextmanager
def served(engine: EmrEngine) -> Iterator[str]:
    """The address of the console while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = application({"AKIA": "of nobody"}, lambda: _Sample(engine), ConsoleSettings(KEY, "http://127.0.0.1:4566"))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"{url}/emr/"
        finally:
            server.should_exit = True
            thread.join(10)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--page", type=click.Choice(["clusters", "cluster", "step", "failed"]), default="cluster", show_default=True
)
@click.option("--width", default=1280, show_default=True, help="Width in pixels.")
@click.option("--height", default=1300, show_default=True, help="Height in pixels.")
@click.option("--dark", is_flag=True, help="The dark theme.")
def main(out: Path, page: str, width: int, height: int, dark: bool) -> None:
    """Take a picture OUT (PNG) of the console."""
    with tempfile.TemporaryDirectory(prefix="lab-console-") as folder:
        try:
            with sample(Path(folder)) as (engine, cluster, step), served(engine) as url:
                time.sleep(9)  # so that there is something to see of the step that runs
                paths = {
                    "clusters": "",
                    "cluster": f"clusters/{cluster}",
                    "step": f"clusters/{cluster}/steps/{step}",
                    "failed": f"clusters/{cluster}/steps/s-1NIGHT99ERP",
                }
                address = f"{url}{paths[page]}#{KEY}"
                photograph(address, out, width=width, height=height, dark=dark, budget_ms=_BUDGET_MS)
        except LabError as error:
            raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
