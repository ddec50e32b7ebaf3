"""The DAG `ad_trends` as Airflow reads it: in the image of the stack, without a network and without a database."""

from __future__ import annotations

from typing import Any

import pytest
from airflow_image import run_inside

from lab.cluster import STEPS, read_steps
from lakelab.settings import load_settings


@pytest.fixture(scope="module")
def dag() -> dict[str, Any]:
    """What describe.py tells of it."""
    found: dict[str, Any] = run_inside(
        "describe.py", {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "DESCRIBED_DAG": "ad_trends"}
    )
    return found


def test_reading_it_loads_no_driver_and_reaches_nothing(dag):
    assert dag["import_errors"] == {}
    assert dag["loaded_by_parsing"] == []


def test_the_steps_wait_for_logs_of_both_kinds(dag):
    tasks = {name: set(task["upstream"]) for name, task in dag["tasks"].items()}
    assert tasks == {
        "impressions_logged": set(),
        "clicks_logged": set(),
        "add_steps": {"impressions_logged", "clicks_logged"},
        "step": {"add_steps"},
        "show_trends": {"step"},
    }


def test_logs_and_steps_are_watched_by_airflows_own_operators(dag):
    kinds = {name: task["kind"] for name, task in dag["tasks"].items() if name != "show_trends"}
    assert kinds == {
        "impressions_logged": "S3KeySensor",
        "clicks_logged": "S3KeySensor",
        "add_steps": "EmrAddStepsOperator",
        "step": "EmrStepSensor",
    }


def test_the_steps_are_those_of_the_embedded_lab(dag):
    assert dag["sent"] == {
        "cluster": "j-1",
        "steps": read_steps(STEPS / "ad_trends.json", load_settings({"LAB_BUCKET": "some-bucket"})),
    }


def test_it_runs_at_night_one_at_a_time_and_makes_up_for_nothing(dag):
    assert (dag["catchup"], dag["max_active_runs"], dag["paused"]) == (False, 1, False)
    assert dag["first_run"] == "2026-05-11T04:00:00+02:00"
    assert dag["tags"] == ["ads", "emr", "hive", "pipeline 4"]
    assert dag["params"]["wait_minutes"]["default"] == 1


def test_every_task_is_told_of_and_tells_of_its_failure(dag):
    assert "external tables" in dag["doc"]
    for name, task in dag["tasks"].items():
        assert task["doc"], name
        assert task["tells_failure"], name
