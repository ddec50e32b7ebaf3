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
    live.up("--workers", "2")
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
    # Who had a connection to the dead server loses one call, and a namenode first hears of its blocks (safe mode).
    poll_until(lambda: live.lab("verify", "--stack").returncode == 0, "the tables to be read again", 240)


def test_a_second_worker_takes_work_and_one_that_is_killed_is_repaired_or_told(live: Live, run_id: str):
    live.up("--workers", "2")
    services = [container.service for container in live.containers()]
    assert (services.count("nodemanager"), services.count("datanode")) == (2, 2)
    assert "2 of YARN take work" in live.lab("doctor").stdout
    run = live.run_killing(
        Kill("nodemanager", lambda live, _, since: live.step_runs(SPARK, since), host=node_at_work)
    )  # fmt: skip
    if run.state == "failed":  # its containers were lost: the step says so, and a new run ends well
        failed = next(step for step in run.steps if step["Status"]["State"] == "FAILED")
        print(f"\nA killed nodemanager was told: {failed['Status']['FailureDetails']['Message']}")
        assert failed["Status"]["FailureDetails"]["Message"]
        again = live.start_pipeline()
        assert live.ended(again) == "success", live.tasks(again)
    live.proven()


def node_at_work(live: Live) -> str:
    """The host name of the node that has the master of an application which runs."""
    url = f"http://127.0.0.1:{live.stack.environment['YARN_PORT']}/ws/v1/cluster/apps?states=RUNNING"

    def look() -> str:
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = (json.load(answer)["apps"] or {"app": []})["app"]
        return next((str(app["amHostHttpAddress"]).partition(":")[0] for app in found), "")

    return poll_until(look, "an application to run", 180)
