"""A long history costs nothing: 10,000 steps on one cluster, and the calls that clients make all day."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from emr_lab import Emr, shell

from services.aws.emr.model import Action, Step, StepState

STEPS = 10_000
MOST_SECONDS = 0.020


def typical(call: Callable[[], object]) -> float:
    """The median of some calls, in seconds."""
    times = []
    for _ in range(9):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def test_calls_take_no_longer_with_ten_thousand_steps(emr: Emr) -> None:
    cluster, now = emr.cluster(), datetime.now(UTC)
    args = ("spark-submit", "--deploy-mode", "cluster", "s3://bucket/spark-jobs/students.py", "--date", "2026-01-01")
    done = Step("s-0", cluster, "load students", Action.CONTINUE, "command-runner.jar", now, args)
    done = replace(done, state=StepState.COMPLETED, started=now, ended=now)
    emr.store.save(*(replace(done, id=f"s-{number}") for number in range(STEPS)))
    by_cluster = {"ClusterId": cluster}
    middle = emr.engine.list_steps({**by_cluster, "Marker": f"s-{STEPS // 2}"})

    assert [step["Id"] for step in middle["Steps"]] == [f"s-{STEPS // 2 - n}" for n in range(1, 51)]
    engine = emr.engine
    assert typical(lambda: engine.describe_cluster(by_cluster)) < MOST_SECONDS
    assert typical(lambda: engine.describe_step({**by_cluster, "StepId": "s-5000"})) < MOST_SECONDS
    assert typical(lambda: engine.list_steps(by_cluster)) < MOST_SECONDS
    assert typical(lambda: engine.list_steps({**by_cluster, "Marker": "s-100"})) < MOST_SECONDS
    assert typical(lambda: engine.list_steps({**by_cluster, "StepStates": ["RUNNING"]})) < MOST_SECONDS
    assert typical(lambda: engine.list_clusters({})) < MOST_SECONDS
    assert emr.run(cluster, shell("true"))[0]["State"] == "COMPLETED"
