"""What ends a cluster by itself: an idle time, on a clock that the test moves."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from emr_lab import Emr, shell

from services.aws.emr.errors import InvalidRequestException


class Clock:
    """The wall clock, and the seconds that only go on."""

    def __init__(self) -> None:
        self.now, self.seconds = datetime(2026, 3, 1, 12, tzinfo=UTC), 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def move(self, emr: Emr, seconds: float) -> None:
        """Let that time pass, and wake the engine with a change that means nothing."""
        self.seconds += seconds
        self.set(emr, seconds)

    def set(self, emr: Emr, seconds: float) -> None:
        """Set the wall clock alone forward or back, as a person or a time server does, and wake the engine."""
        self.now += timedelta(seconds=seconds)
        for cluster in emr.engine.list_clusters({"ClusterStates": ["WAITING", "RUNNING"]})["Clusters"]:
            with contextlib.suppress(InvalidRequestException):  # it has ended by now
                emr.engine.add_tags({"ResourceId": cluster["Id"], "Tags": [{"Key": "woken", "Value": str(self.now)}]})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(tmp_path: Path, clock: Clock) -> Iterator[Emr]:
    lab = Emr(tmp_path)
    lab.start(clock=clock, monotonic=clock.monotonic)
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
    lab, ahead = Emr(tmp_path), 0.0
    lab.start(monotonic=lambda: time.monotonic() + ahead)
    cluster = lab.cluster(AutoTerminationPolicy={"IdleTimeout": 60})
    ahead = 59.5

    lab.engine.add_tags({"ResourceId": cluster, "Tags": [{"Key": "half a second", "Value": "left"}]})

    assert lab.over(cluster)["State"] == "TERMINATED"
    lab.stop()


def test_an_idle_time_outlives_the_engine(timed: Emr, clock: Clock) -> None:
    cluster = timed.cluster(AutoTerminationPolicy={"IdleTimeout": 60})
    timed.stop()
    clock.now += timedelta(seconds=61)

    timed.start(clock=clock, monotonic=clock.monotonic)

    assert timed.over(cluster)["State"] == "TERMINATED"


def test_a_clock_that_is_set_ends_no_cluster_before_its_time_and_keeps_none_after_it(timed: Emr, clock: Clock) -> None:
    cluster = timed.cluster(AutoTerminationPolicy={"IdleTimeout": 60})

    clock.set(timed, 7200)
    assert timed.status(cluster)["State"] == "WAITING"
    clock.set(timed, -14400)
    clock.move(timed, 59)
    assert timed.status(cluster)["State"] == "WAITING"
    clock.move(timed, 1)

    timeline = timed.over(cluster)["Timeline"]
    assert timeline["CreationDateTime"] <= timeline["ReadyDateTime"] <= timeline["EndDateTime"]


def test_a_clock_that_is_set_back_while_a_step_runs_turns_no_times_and_no_reasons_round(
    timed: Emr, clock: Clock
) -> None:
    clock.now = datetime.now(UTC) + timedelta(hours=2)  # the step's end is read off the machine's own clock
    cluster = timed.cluster()
    (failed,) = timed.run(cluster, shell("exit 3"))
    assert failed["Timeline"]["StartDateTime"] == failed["Timeline"]["EndDateTime"]

    clock.set(timed, -3600)
    (good,) = timed.run(cluster, shell("true"))

    assert good["Timeline"]["CreationDateTime"] <= good["Timeline"]["StartDateTime"] <= good["Timeline"]["EndDateTime"]
    status = timed.engine.wait_for_cluster(cluster, ["WAITING"], 20)["Cluster"]["Status"]
    assert status["StateChangeReason"]["Message"] == "Cluster ready after last step completed."
    listed = timed.engine.list_steps({"ClusterId": cluster})["Steps"]
    assert [one["Status"]["State"] for one in listed] == ["COMPLETED", "FAILED"]
