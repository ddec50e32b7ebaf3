"""The DAG `unload_erp` as Airflow reads it: in the image of the stack, without a network and without a database."""

from __future__ import annotations

from typing import Any

import pytest
from airflow_image import run_inside

from lab.cluster import STEPS, read_steps
from lakelab.catalogue import TABLES
from lakelab.settings import load_settings

UNLOADS = {f"unload_{table.name}" for table in TABLES}


@pytest.fixture(scope="module")
def dag() -> dict[str, Any]:
    """What describe.py tells of it."""
    found: dict[str, Any] = run_inside(
        "describe.py", {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "DESCRIBED_DAG": "unload_erp"}
    )
    return found


def test_every_file_of_the_folder_is_read_without_an_error(dag):
    assert dag["import_errors"] == {}
    assert dag["dags"] == ["ad_trends", "transient_unload_erp", "unload_erp"]


def test_reading_it_loads_no_driver_and_reaches_nothing(dag):
    assert dag["loaded_by_parsing"] == []


def test_all_unloads_wait_for_the_snapshot_and_the_manifest_for_all_of_them(dag):
    tasks = {name: set(task["upstream"]) for name, task in dag["tasks"].items()}
    assert tasks == {
        "hold_snapshot": set(),
        "snapshot_ready": set(),
        **{name: {"snapshot_ready"} for name in UNLOADS},
        "write_manifest": {"hold_snapshot", "snapshot_ready", *UNLOADS},
        "add_steps": {"write_manifest"},
        "step": {"add_steps"},
        "prove": {"step", *UNLOADS},
    }


def test_the_steps_are_submitted_and_watched_by_airflows_own_operators(dag):
    kinds = {name: dag["tasks"][name]["kind"] for name in ("add_steps", "step")}
    assert kinds == {"add_steps": "EmrAddStepsOperator", "step": "EmrStepSensor"}
    assert dag["tasks"]["step"]["at_once"] == 1


def test_the_steps_are_those_of_the_embedded_lab(dag):
    assert dag["sent"] == {
        "cluster": "j-1",
        "steps": read_steps(STEPS / "steps.json", load_settings({"LAB_BUCKET": "some-bucket"})),
    }


def test_a_step_gives_its_name_to_the_sensor_and_one_that_was_cancelled_says_so(dag):
    waits = "Marts, asked every 1.5 s"
    assert dag["watched"] == {
        "PENDING": waits,
        "RUNNING": waits,
        "COMPLETED": waits,
        "FAILED": waits,
        "CANCELLED": "fails: step 'Marts' was cancelled: one before it failed, or someone cancelled it",
    }


def test_it_runs_at_night_one_at_a_time_and_not_at_once_when_it_is_new(dag):
    assert dag["schedule"] == "0 3 * * *"
    assert dag["first_run"] == "2026-05-11T03:00:00+02:00"
    assert (dag["catchup"], dag["max_active_runs"], dag["paused"]) == (False, 1, False)


def test_every_task_is_tried_again_has_an_end_explains_itself_and_tells_its_failure(dag):
    for name, task in dag["tasks"].items():
        assert task["retries"] == 2, name
        assert 0 < task["time_limit"] <= 5 * 3600, name
        assert task["tells_failure"], name
        assert task["doc"], name
    assert "emr_cluster_id" in dag["doc"]
    assert dag["tags"] == ["emr", "erp", "hive", "pipeline 1"]


def test_its_parameters_are_optional_and_checked(dag):
    scale, date = dag["params"]["scale"], dag["params"]["date"]
    assert (scale["default"], scale["type"], scale["minimum"]) == (None, ["null", "integer"], 1)
    assert (date["default"], date["type"], date["format"]) == (None, ["null", "string"], "date")
