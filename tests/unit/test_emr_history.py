"""A long history costs nothing: 10,000 steps on one cluster, and the calls that clients make all day."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from emr_lab import Emr, shell

from services.aws.emr.model import Action, Step, StepState

STEPS = 10_000
MOST_SECONDS = 0.020


def quickest(call: Callable[[], object]) -> float:
    """The best of some calls, in seconds: other work of the machine is not what is asked about."""
    times = []
    for _ in range(15):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def test_pages_of_clusters_of_a_time(emr: Emr) -> None:
    base = emr.store.cluster(emr.cluster(keep=False, wait=False))
    emr.over(base.id)
    base = emr.store.cluster(base.id)
    ids = [f"j-{number}" for number in range(150)]
    emr.store.save(*(replace(base, id=i, created=base.created + timedelta(hours=n)) for n, i in enumerate(ids, 1)))
    between = {
        "CreatedAfter": base.created + timedelta(hours=20.5),
        "CreatedBefore": base.created + timedelta(hours=90.5),
    }

    first = emr.engine.list_clusters(between)
    second = emr.engine.list_clusters({**between, "Marker": first["Marker"]})

    assert [each["Id"] for each in (*first["Clusters"], *second["Clusters"])] == ids[20:90][::-1]
    assert (len(first["Clusters"]), "Marker" in second) == (50, False)


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
    assert quickest(lambda: engine.describe_cluster(by_cluster)) < MOST_SECONDS
    assert quickest(lambda: engine.describe_step({**by_cluster, "StepId": "s-5000"})) < MOST_SECONDS
    assert quickest(lambda: engine.list_steps(by_cluster)) < MOST_SECONDS
    assert quickest(lambda: engine.list_steps({**by_cluster, "Marker": "s-100"})) < MOST_SECONDS
    assert quickest(lambda: engine.list_steps({**by_cluster, "StepStates": ["RUNNING"]})) < MOST_SECONDS
    assert quickest(lambda: engine.list_clusters({})) < MOST_SECONDS
    assert emr.run(cluster, shell("true"))[0]["State"] == "COMPLETED"
