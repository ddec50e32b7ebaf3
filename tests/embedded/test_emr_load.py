"""Much at once, and much to say: 200 steps on five clusters, and a step that prints a gigabyte."""

from __future__ import annotations

import gzip
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polling import poll_until

from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.store import SqliteStore

LEVELS = (1, 1, 1, 3, 10)  # step concurrency of each cluster
STEPS = 40  # on each
GIGABYTE = 1_000_000_000
PATIENCE = 240.0
REQUEST = {
    "Name": "load",
    "ReleaseLabel": "emr-7.13.0",
    "LogUri": "s3://logs",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmrEngine]:
    storage, store = FolderStorage(tmp_path), SqliteStore(tmp_path / "emr" / "state.db")
    storage.create_bucket("logs")
    engine = EmrEngine(store, LocalExecutor(tmp_path / "emr" / "steps"), storage)
    yield engine
    engine.close(terminate=True)
    store.close()


def started(engine: EmrEngine, **more: Any) -> str:
    cluster: str = engine.run_job_flow({**REQUEST, **more})["JobFlowId"]
    engine.wait_for_cluster(cluster, ["WAITING"], PATIENCE)
    return cluster


def added(engine: EmrEngine, cluster: str, *scripts: str) -> list[str]:
    steps = [
        {"Name": "load", "ActionOnFailure": "CONTINUE",
         "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["sh", "-c", script]}}
        for script in scripts
    ]  # fmt: skip
    return list(engine.add_job_flow_steps({"JobFlowId": cluster, "Steps": steps})["StepIds"])


def test_200_steps_on_five_clusters_all_end_in_order_and_no_more_at_once_than_allowed(
    engine: EmrEngine, tmp_path: Path
) -> None:
    clusters = [started(engine, StepConcurrencyLevel=level) for level in LEVELS]
    # A line is written whole: each is one write to a file opened for appending.
    # No step ends before as many have begun as may run at once.
    script = (
        'echo "begin $EMR_STEP_ID" >> {0}; while [ $(grep -c begin {0}) -lt {1} ]; do sleep 0.1; done; '
        'echo "end $EMR_STEP_ID" >> {0}'
    )
    ids = [
        added(engine, cluster, *[script.format(tmp_path / cluster, level)] * STEPS)
        for cluster, level in zip(clusters, LEVELS, strict=True)
    ]

    for cluster, steps, level in zip(clusters, ids, LEVELS, strict=True):
        ended = engine.wait_for_steps(cluster, timeout=PATIENCE)
        assert [step["Status"]["State"] for step in ended] == ["COMPLETED"] * STEPS
        starts = [step["Status"]["Timeline"]["StartDateTime"] for step in ended]
        assert starts == sorted(starts)
        lines = [line.split() for line in (tmp_path / cluster).read_text().splitlines()]
        at_once, most = 0, 0
        for what, _ in lines:
            at_once += 1 if what == "begin" else -1
            most = max(most, at_once)
        assert most == level
        assert sorted(step for what, step in lines if what == "end") == sorted(steps), "each ran once"
        if level == 1:
            assert [step for what, step in lines if what == "begin"] == steps
    poll_until(lambda: not list((tmp_path / "emr" / "steps").iterdir()), "the local copies of the logs to go")


def test_a_step_that_prints_a_gigabyte_costs_no_memory_and_holds_up_nobody(engine: EmrEngine, tmp_path: Path) -> None:
    cluster, other = started(engine), started(engine)
    memory, slowest = Peak(), 0.0
    (loud,) = added(engine, cluster, f"yes 'a line of a log that goes on and on' | head -c {GIGABYTE}; echo; echo last")

    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (engine.wait_for_steps(cluster, timeout=PATIENCE), ended.set()))
    waiting.start()
    beside = 0
    while not ended.wait(0.01):
        began = time.monotonic()
        engine.list_steps({"ClusterId": cluster})
        slowest = max(slowest, time.monotonic() - began)
        (quick,) = added(engine, other, "true")
        assert engine.wait_for_steps(other, [quick], PATIENCE)[0]["Status"]["State"] == "COMPLETED"
        beside += 1
    waiting.join()

    published = tmp_path / "s3" / "logs" / cluster / "steps" / loud / "stdout.gz"
    print(f"\n{published.stat().st_size:,} bytes published; {beside} steps beside it; {memory.grown:,} bytes of memory")
    assert engine.describe_step({"ClusterId": cluster, "StepId": loud})["Step"]["Status"]["State"] == "COMPLETED"
    assert beside >= 3
    assert slowest < 5, "a call waited for the log"
    assert published.stat().st_size < GIGABYTE / 50
    with gzip.open(published) as log:
        assert log.seek(GIGABYTE) == GIGABYTE
        assert log.read() == b"\nlast\n"
    assert engine.step_log(cluster, loud, "stdout", limit=5) == b"last\n"
    assert memory.grown < 100_000_000


class Peak:
    """By how much the most memory that this process has had at once has grown since."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = self._now()

    @property
    def grown(self) -> int:
        return self._now() - self._before

    @staticmethod
    def _now() -> int:
        line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024


if not os.access("/proc/self/clear_refs", os.W_OK):
    pytestmark = pytest.mark.skip("the peak of memory is read from Linux's /proc: run it on Linux")
