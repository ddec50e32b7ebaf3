"""What ends a cluster by itself: an idle time, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from emr_lab import Emr, shell


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, emr: Emr, seconds: float) -> None:
        """Move it, and wake the engine with a change that means nothing."""
        self.now += timedelta(seconds=seconds)
        for cluster in emr.engine.list_clusters({"ClusterStates": ["WAITING", "RUNNING"]})["Clusters"]:
            emr.engine.add_tags({"ResourceId": cluster["Id"], "Tags": [{"Key": "woken", "Value": str(self.now)}]})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(tmp_path: Path, clock: Clock) -> Iterator[Emr]:
    lab = Emr(tmp_path)
    lab.start(clock=clock)
    yield lab
    lab.stop(terminate=True)
    for gate in lab.gates:
        gate.close()


def test_an_idle_cluster_ends_after_its_time(timed: Emr, clock: Clock) -> None:
    cluster = timed.cluster(AutoTerminationPolicy={"IdleTimeout": 60})

    clock.move(timed, 59)
    timed.run(cluster, shell("true"))
    timed.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    clock.move(timed, 59)  # counted from the last step's end
    assert timed.status(cluster)["State"] == "WAITING"
    clock.move(timed, 1)

    status = timed.over(cluster)
    assert status["State"] == "TERMINATED"
    assert status["StateChangeReason"]["Message"] == "Cluster auto-terminated: it was idle for 60 seconds"
    assert status["Timeline"]["EndDateTime"] == clock.now


def test_a_busy_or_protected_cluster_does_not_end(timed: Emr, clock: Clock) -> None:
    policy = {"IdleTimeout": 60}
    busy = timed.cluster(AutoTerminationPolicy=policy)
    safe = timed.cluster(AutoTerminationPolicy=policy, instances={"TerminationProtected": True})
    gate = timed.gate()
    (step,) = timed.add(busy, shell(gate.wait))
    gate.reached()

    clock.move(timed, 3600)

    assert timed.state(busy, step) == "RUNNING"
    assert timed.status(safe)["State"] == "WAITING"
    timed.engine.set_termination_protection({"JobFlowIds": [safe], "TerminationProtected": False})
    assert timed.over(safe)["State"] == "TERMINATED"
    gate.open()


def test_a_policy_that_comes_later_counts_from_then(timed: Emr, clock: Clock) -> None:
    cluster = timed.cluster()
    clock.move(timed, 3600)
    timed.engine.put_auto_termination_policy({"ClusterId": cluster, "AutoTerminationPolicy": {"IdleTimeout": 60}})
    clock.move(timed, 59)
    assert timed.status(cluster)["State"] == "WAITING"
    timed.engine.remove_auto_termination_policy({"ClusterId": cluster})
    clock.move(timed, 3600)
    assert timed.status(cluster)["State"] == "WAITING"
    timed.engine.put_auto_termination_policy({"ClusterId": cluster, "AutoTerminationPolicy": {}})
    assert timed.engine.get_auto_termination_policy({"ClusterId": cluster}) == {
        "AutoTerminationPolicy": {"IdleTimeout": 3600}
    }
    clock.move(timed, 3600)
    assert timed.over(cluster)["State"] == "TERMINATED"


def test_the_engine_wakes_by_itself_when_the_time_comes(tmp_path: Path) -> None:
    lab, ahead = Emr(tmp_path), timedelta()
    lab.start(clock=lambda: datetime.now(UTC) + ahead)
    cluster = lab.cluster(AutoTerminationPolicy={"IdleTimeout": 60})
    ahead = timedelta(seconds=59.5)

    lab.engine.add_tags({"ResourceId": cluster, "Tags": [{"Key": "half a second", "Value": "left"}]})

    assert lab.over(cluster)["State"] == "TERMINATED"
    lab.stop()


def test_an_idle_time_outlives_the_engine(timed: Emr, clock: Clock) -> None:
    cluster = timed.cluster(AutoTerminationPolicy={"IdleTimeout": 60})
    timed.stop()
    clock.now += timedelta(seconds=61)

    timed.start(clock=clock)

    assert timed.over(cluster)["State"] == "TERMINATED"
