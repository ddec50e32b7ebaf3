"""`transient_unload_erp` from end to end: a cluster of the run's own does the work, and nothing of it is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from jobs import Put, sensor_log, yarn_states
from live import PATIENCE, Live
from polling import poll_until

DAG = "transient_unload_erp"
SETUP = ["Make the HDFS folders", "Make the Hive tables"]
LOGS = {"controller.gz", "syslog.gz", "stdout.gz", "stderr.gz"}


@dataclass(frozen=True)
class Run:
    """A run of the DAG that has ended, its cluster, and what was in the bucket before."""

    id: str
    state: str
    tasks: dict[str, list[str]]
    cluster: dict[str, Any]
    steps: list[dict[str, Any]]  # in the order in which they ran
    before: set[str]

    @property
    def outcome(self) -> dict[str, str]:
        return {step["Name"]: step["Status"]["State"] for step in self.steps}


def keys(live: Live) -> set[str]:
    """What is in the bucket."""
    pages = live.stack.aws("s3").get_paginator("list_objects_v2").paginate(Bucket=live.stack.settings.bucket)
    return {each["Key"] for page in pages for each in page.get("Contents", [])}


def alive(live: Live) -> list[str]:
    """The clusters that have not ended."""
    states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
    return [each["Id"] for each in live.stack.aws("emr").list_clusters(ClusterStates=states)["Clusters"]]


def cluster_of(live: Live, run_id: str) -> str:
    """The cluster of a run; "" while there is none."""
    clusters = live.stack.aws("emr").list_clusters()["Clusters"]
    return next((str(each["Id"]) for each in clusters if each["Name"] == f"{DAG} {run_id}"), "")


def run(live: Live) -> Run:
    """A run from its start to its end."""
    before, run_id = keys(live), live.stack.airflow.trigger(DAG)
    return whole(live, run_id, before)


def whole(live: Live, run_id: str, before: set[str]) -> Run:
    """All of a run, once it has ended."""
    state, emr = live.ended(run_id, DAG), live.stack.aws("emr")
    by_id = {"ClusterId": cluster_of(live, run_id)}
    steps = emr.list_steps(**by_id)["Steps"][::-1]
    tasks = poll_until(lambda: live.tasks(run_id, DAG), "Airflow to answer", PATIENCE)
    return Run(run_id, state, tasks, emr.describe_cluster(**by_id)["Cluster"], steps, before)


def nothing_is_left(live: Live, done: Run) -> None:
    """The cluster has ended, with all that ran on it; of its files there are the logs of its steps."""
    assert done.cluster["Status"]["State"] == "TERMINATED"
    assert alive(live) == [live.cluster]
    assert not {"RUNNING", "ACCEPTED"} & set(yarn_states(live, done.cluster["Id"].lower()))
    new = {key for key in keys(live) - done.before if not key.startswith("stage/")}
    ran = [step["Id"] for step in done.steps if step["Status"]["State"] != "CANCELLED"]
    assert new == {f"{done.cluster['Id']}/steps/{step}/{log}" for step in ran for log in LOGS}
    assert "Uploads" not in live.stack.aws("s3").list_multipart_uploads(Bucket=live.stack.settings.bucket)


@pytest.fixture(scope="module")
def good(live: Live) -> Run:
    return run(live)


def test_every_task_is_green_and_every_step_ran_on_the_run_s_own_cluster(live: Live, good: Run) -> None:
    assert good.state == "success", good.tasks
    assert {state for states in good.tasks.values() for state in states} == {"success"}
    assert len(good.tasks["step"]) == len(good.steps) == 15
    assert [step["Name"] for step in good.steps[:2]] == SETUP
    assert set(good.outcome.values()) == {"COMPLETED"}
    assert good.cluster["Id"] != live.cluster
    assert good.cluster["AutoTerminate"] is True
    assert good.cluster["Status"]["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"


def test_every_table_is_the_same_in_the_three_tiers(live: Live, good: Run) -> None:
    assert good.state == "success"
    live.proven()


def test_no_cluster_no_application_and_no_file_but_logs_is_left(live: Live, good: Run) -> None:
    nothing_is_left(live, good)


def test_a_step_that_fails_says_why_and_the_cluster_is_gone(live: Live, job: Put) -> None:
    job("hive/0_mkdirs_hdfs.sh", "echo the folders are beyond hope >&2\nexit 3\n")  # the first step: the rest is quick

    bad = run(live)

    assert bad.state == "failed"
    assert list(bad.outcome.values()) == ["FAILED"] + ["CANCELLED"] * 14
    log = sensor_log(live, DAG, bad.id, SETUP[0])
    assert "the folders are beyond hope" in log
    assert f"/{bad.cluster['Id']}/steps/" in log
    assert "clear create_cluster with what follows" in log
    assert "was cancelled" in sensor_log(live, DAG, bad.id, SETUP[1])
    assert (bad.tasks["prove"], bad.tasks["terminate_cluster"]) == (["upstream_failed"], ["success"])
    nothing_is_left(live, bad)


def test_a_run_that_is_ended_by_hand_takes_its_cluster_along(live: Live) -> None:
    before, run_id = keys(live), live.stack.airflow.trigger(DAG)
    cluster = poll_until(lambda: cluster_of(live, run_id), "the cluster", PATIENCE)
    poll_until(
        lambda: "success" in live.tasks(run_id, DAG).get("create_cluster", []), "Airflow to know of it", PATIENCE
    )

    live.stack.airflow.call("PATCH", f"/dags/{DAG}/dagRuns/{quote(run_id, safe='')}", {"state": "failed"})

    done = whole(live, run_id, before)
    assert done.tasks["terminate_cluster"] == ["success"]
    poll_until(lambda: cluster not in alive(live), "the end of the cluster", PATIENCE)
    gone = live.stack.aws("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert (gone["State"], gone["StateChangeReason"]["Code"]) == ("TERMINATED", "USER_REQUEST")
    assert not {"RUNNING", "ACCEPTED"} & set(yarn_states(live, cluster.lower()))
    assert alive(live) == [live.cluster]


def test_a_cluster_that_emr_refuses_is_told_and_none_is_there(live: Live) -> None:
    airflow = live.stack.airflow
    airflow.call("POST", "/variables", {"key": "emr_instance_type", "value": "t2.nano"})
    try:
        run_id = airflow.trigger(DAG)
        state = live.ended(run_id, DAG)
    finally:
        airflow.call("DELETE", "/variables/emr_instance_type")
    tasks = live.tasks(run_id, DAG)
    log = str(airflow.call("GET", f"/dags/{DAG}/dagRuns/{quote(run_id, safe='')}/taskInstances/create_cluster/logs/1"))

    assert state == "failed"
    assert (tasks["create_cluster"], tasks["terminate_cluster"]) == (["failed"], ["upstream_failed"])
    assert "Instance type 't2.nano' is not supported." in log
    assert (cluster_of(live, run_id), alive(live)) == ("", [live.cluster])
