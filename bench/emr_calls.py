"""EMR's calls on a long history, against moto's server, which remembers steps and runs none."""

from __future__ import annotations

import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.measure import Section, Tell, alternate, ratio
from lab import ports
from lakelab.aws import aws_client
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY
from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.model import Action, Step, StepState
from services.aws.emr.store import SqliteStore

KEYS = ("AKIALAKELABBENCHMARK", secrets.token_urlsafe(30))
STEP = {
    "Name": "bench",
    "ActionOnFailure": "CONTINUE",
    "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]},
}
REQUEST = {
    "Name": "bench",
    "ReleaseLabel": "emr-7.13.0",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}
AT_ONCE = 250
Calls = dict[str, Callable[[], object]]


def calls_against_moto(steps: int, rounds: int, tell: Tell) -> Section:
    """Medians and 95th percentiles over many calls in turn; then what moto has no figure for: steps that run."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        tell(f"a history of {steps:,} steps")
        cluster = _history(Path(folder), steps)
        with _ours(Path(folder)) as ours, _motos() as moto:
            tell(f"{steps:,} steps in moto")
            other = moto.run_job_flow(**REQUEST)["JobFlowId"]
            for _ in range(steps // AT_ONCE):
                moto.add_job_flow_steps(JobFlowId=other, Steps=[STEP] * AT_ONCE)
            here, there = _calls(ours, cluster), _calls(moto, other)
            rows: list[tuple[str, ...]] = []
            for name in here:
                seconds = alternate({"lab": here[name], "moto": there[name]}, 20 * rounds, lambda _: None)
                tell(name)
                lab, motos = seconds["lab"], seconds["moto"]
                rows.append((name, _milliseconds(lab), _milliseconds(motos), f"{ratio(motos, lab):.1f} x"))
            rows += _steps(ours, cluster, rounds, tell)
    about = (
        f"A cluster with {steps:,} steps of history, both servers on this machine, boto3, signed calls, {20 * rounds} "
        "alternating rounds: median (95th percentile). moto runs no steps: for those there is nothing to compare."
    )
    return Section("EMR calls", about, ("call", "lab", "moto", "as fast as moto"), tuple(rows))


def _calls(emr: Any, cluster: str) -> Calls:
    last = emr.list_steps(ClusterId=cluster)
    step = last["Steps"][-1]["Id"]
    return {
        "describe-cluster": partial(emr.describe_cluster, ClusterId=cluster),
        "describe-step": partial(emr.describe_step, ClusterId=cluster, StepId=step),
        "list-steps": partial(emr.list_steps, ClusterId=cluster),
        "list-steps, next page": partial(emr.list_steps, ClusterId=cluster, Marker=last["Marker"]),
        "list-clusters": emr.list_clusters,
    }


def _steps(emr: Any, cluster: str, rounds: int, tell: Tell) -> list[tuple[str, ...]]:
    """Seconds from the call to RUNNING; and from the call until a client sees `true` COMPLETED, beyond the bare
    command: with its start, its runner, its logs published, and the look that finds it.
    """
    started, beyond = [], []
    for number in range(rounds):
        tell(f"step {number + 1} of {rounds}")
        began = time.perf_counter()
        (step,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[STEP])["StepIds"]
        _until(emr, cluster, step, ("RUNNING", "COMPLETED"))
        started.append(time.perf_counter() - began)
        _until(emr, cluster, step, ("COMPLETED",))
        whole, bare = time.perf_counter() - began, time.perf_counter()
        subprocess.run(["true"], check=True)
        beyond.append(whole - (time.perf_counter() - bare))
    return [
        ("add-steps until RUNNING", _milliseconds(started), "", ""),
        ("a step beyond its command", _milliseconds(beyond), "", ""),
    ]


def _until(emr: Any, cluster: str, step: str, states: tuple[str, ...]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status: dict[str, Any] = emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
        if status["State"] in states:
            return
    raise LabError(f"{step} was not {' or '.join(states)} within a minute", where="bench", fix="report it")


def _history(home: Path, steps: int) -> str:
    """A cluster that waits, with so many steps behind it."""
    store = SqliteStore(home / "emr" / "state.db")
    with EmrEngine(store, LocalExecutor(home / "emr" / "steps"), FolderStorage(home)) as engine:
        cluster: str = engine.run_job_flow(REQUEST)["JobFlowId"]
        engine.wait_for_cluster(cluster, ["WAITING"], 60)
    now = datetime.now(UTC)
    done = Step("s-0", cluster, "bench", Action.CONTINUE, "command-runner.jar", now, ("true",), started=now, ended=now)
    done = replace(done, state=StepState.COMPLETED)
    store.save(*(replace(done, id=f"s-{number:013}") for number in range(steps)))
    store.close()
    return cluster


@contextlib.contextmanager
def _ours(home: Path) -> Iterator[Any]:
    variables = {"EMR_HOME": str(home), "AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1]}
    with _served(["-m", "services.aws.server", "embedded"], "--port", variables, "/health") as url:
        yield aws_client("emr", endpoint=url, region="eu-west-1", keys=KEYS)


@contextlib.contextmanager
def _motos() -> Iterator[Any]:
    with _served(["-m", "moto.server"], "--port", {}, "/moto-api/") as url:
        yield aws_client("emr", endpoint=url, region="eu-west-1", keys=KEYS)


@contextlib.contextmanager
def _served(arguments: list[str], option: str, variables: dict[str, str], page: str) -> Iterator[str]:
    """A server in a process of its own, once it answers."""
    with ports.choosing(f"bench {os.getpid()} {arguments[-1]}") as choose:
        port = choose(4700)
    process = subprocess.Popen(
        [sys.executable, *arguments, option, str(port)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while not _answers(port, page):
            if process.poll() is not None or time.monotonic() > end:
                raise LabError(f"{arguments[1]} did not start", where=f"127.0.0.1:{port}", fix="report it")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int, page: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", page)
        return connection.getresponse().status == 200
    except OSError:
        time.sleep(0.1)
        return False
    finally:
        connection.close()


def _milliseconds(seconds: list[float]) -> str:
    late = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    return f"{1000 * statistics.median(seconds):.1f} ms ({1000 * late:.1f})"
