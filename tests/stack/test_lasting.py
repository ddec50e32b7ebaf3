"""What lasts: `down` and `up` keep tables and history, workers come and go, a bundle starts without a network."""

from __future__ import annotations

import pytest
from live import DAG, Live

COUNTS = "SELECT count(*), sum(grade) FROM grades"


def test_down_and_up_keep_tables_and_history(live: Live, run_id: str):
    with live.stack.warehouse() as warehouse:
        before = warehouse.rows(COUNTS)
    cluster, steps = live.cluster, len(live.steps())
    live.succeed("stack", "down")
    assert live.containers() == []
    live.succeed("stack", "up")
    with live.stack.warehouse() as warehouse:
        assert warehouse.rows(COUNTS) == before
    assert (live.cluster, len(live.steps())) == (cluster, steps)
    assert live.stack.airflow.run(DAG, run_id)["state"] == "success"
    assert "✗" not in live.succeed("verify", "--stack")
    again = live.start_pipeline()
    assert live.ended(again) == "success", live.tasks(again)


def test_a_second_worker_joins_and_takes_work(live: Live, run_id: str):
    live.succeed("stack", "up", "--workers", "2")
    services = [container.service for container in live.containers()]
    assert (services.count("nodemanager"), services.count("datanode")) == (2, 2)
    assert "2 of YARN take work" in live.lab("doctor").stdout
    assert live.stack.hdfs.client.status("/dev/data")["type"] == "DIRECTORY"
    again = live.start_pipeline()
    assert live.ended(again) == "success", live.tasks(again)
    assert "✗" not in live.succeed("verify", "--stack")


@pytest.mark.parametrize("service", ["postgres", "minio", "namenode"])
def test_a_server_that_is_killed_comes_back_with_its_data(live: Live, run_id: str, service: str):
    live.kill(service)
    live.well_again(service)
    assert "✗" not in live.succeed("verify", "--stack")
