"""What lasts: `down` and `up` keep tables and history, workers come and go, data outlives a kill."""

from __future__ import annotations

import json
import urllib.request

import pytest
from live import DAG, Kill, Live
from polling import poll_until

COUNTS = "SELECT count(*), sum(grade) FROM grades"
SPARK = "Students with their average grade"


def test_down_and_up_keep_tables_and_history(live: Live, run_id: str):
    with live.stack.warehouse() as warehouse:
        before = warehouse.rows(COUNTS)
    cluster, steps = live.cluster, len(live.steps())
    live.succeed("stack", "down")
    assert live.containers() == []
    live.succeed("stack", "up", "--workers", "2")
    with live.stack.warehouse() as warehouse:
        assert warehouse.rows(COUNTS) == before
    assert live.stack.airflow.call("GET", "/variables/emr_cluster_id")["value"] == cluster
    assert len(live.steps()) == steps
    assert live.stack.airflow.run(DAG, run_id)["state"] == "success"
    live.proven()


@pytest.mark.parametrize("service", ["postgres", "minio", "namenode"])
def test_a_server_that_is_killed_comes_back_with_its_data(live: Live, run_id: str, service: str):
    live.kill(service)
    live.well_again(service)
    # A namenode is well before its datanodes have told it of their blocks; until then it is in safe mode.
    poll_until(
        lambda: "well" in live.sh("datanode", "healthy datanode && echo well || true"), "HDFS to take writes", 120
    )
    live.proven()


def test_a_second_worker_takes_work_and_one_that_is_killed_is_repaired_or_told(live: Live, run_id: str):
    live.succeed("stack", "up", "--workers", "2")
    services = [container.service for container in live.containers()]
    assert (services.count("nodemanager"), services.count("datanode")) == (2, 2)
    assert "2 of YARN take work" in live.lab("doctor").stdout
    run = live.run_killing(Kill("nodemanager", lambda live, _, since: live.step_runs(SPARK, since)))
    if run.state == "failed":  # its containers were lost: the step says so, and a new run ends well
        failed = next(step for step in run.steps if step["Status"]["State"] == "FAILED")
        print(f"\nA killed nodemanager was told: {failed['Status']['FailureDetails']['Message']}")
        assert failed["Status"]["FailureDetails"]["Message"]
        again = live.start_pipeline()
        assert live.ended(again) == "success", live.tasks(again)
    live.proven()
    assert len(nodes_that_worked(live)) == 2


def nodes_that_worked(live: Live) -> set[str]:
    """The nodes of YARN on which an application's master ran."""
    url = f"http://127.0.0.1:{live.stack.environment['YARN_PORT']}/ws/v1/cluster/apps"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return {app["amHostHttpAddress"] for app in json.load(answer)["apps"]["app"] if "amHostHttpAddress" in app}
