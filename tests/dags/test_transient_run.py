"""`transient_unload_erp` from its cluster's start to its end, on an EMR endpoint: what becomes of cluster and tasks.

The commands of the steps do nothing here, or fail: what they do on a cluster is tested on the stack.
"""

from __future__ import annotations

from typing import Any

import pytest
from airflow_image import ALONE, BUCKET, emr_endpoint, run_inside

from lab.cluster import STEPS, read_steps
from lakelab.settings import load_settings

ENVIRONMENT = {
    **ALONE,
    "AIRFLOW__CORE__DAGS_FOLDER": "/opt/lakelab/dags",
    "AIRFLOW_VAR_BUCKET_NAME": BUCKET,
    "AIRFLOW_VAR_EMR_POLL_SECONDS": "1",
}
WELL = dict.fromkeys(("hdfs", "hive-script", "s3-dist-cp", "spark-submit"), "exit 0")
BROKEN = {**WELL, "spark-submit": "echo 'the averages are beyond hope' >&2; exit 3"}
SETTINGS = load_settings({"LAB_BUCKET": BUCKET})
NAMES = [step["Name"] for file in ("setup_steps.json", "steps.json") for step in read_steps(STEPS / file, SETTINGS)]


def run(commands: dict[str, str]) -> dict[str, Any]:
    with emr_endpoint(commands) as network:
        found: dict[str, Any] = run_inside("transient_run.py", ENVIRONMENT, network)
    return found


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return run(WELL)


@pytest.fixture(scope="module")
def bad() -> dict[str, Any]:
    return run(BROKEN)


def test_a_good_run_is_green_and_its_cluster_ended_with_the_last_step(good):
    assert good["run"] == "success"
    assert {state for states in good["tasks"].values() for state in states} == {"success"}
    assert good["steps"] == [[name, "COMPLETED"] for name in NAMES]
    assert len(good["tasks"]["step"]) == len(NAMES)
    assert good["cluster"]["State"] == "TERMINATED"
    assert good["cluster"]["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"


def test_a_failed_step_is_red_with_its_reason_and_the_cluster_is_gone(bad):
    first = NAMES.index("Students with their average grade")
    assert bad["run"] == "failed"
    assert [state for _, state in bad["steps"]] == ["COMPLETED"] * first + ["FAILED", "CANCELLED", "CANCELLED"]
    assert sorted(bad["tasks"]["step"]) == ["failed"] * 3 + ["success"] * first
    assert (bad["tasks"]["prove"], bad["tasks"]["terminate_cluster"]) == (["upstream_failed"], ["success"])
    assert bad["cluster"]["State"] == "TERMINATED"
    for told in (
        "EMR job failed: for reason Exited with code 3 with message the averages are beyond hope",
        "step 'Marts' was cancelled: one before it failed, or someone cancelled it",
    ):
        assert told in bad["log"]
