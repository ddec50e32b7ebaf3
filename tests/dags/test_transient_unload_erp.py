"""The DAG `transient_unload_erp` as Airflow reads it: in the image of the stack, without a network or a database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow_image import run_inside

from lab.cluster import STEPS, read_steps
from lakelab.catalogue import TABLES
from lakelab.settings import load_settings

UNLOADS = {f"unload_{table.name}" for table in TABLES}


def described(settings: dict[str, str] | None = None, **variables: str) -> dict[str, Any]:
    """What describe.py tells of it, with these settings of Airflow and these variables in it."""
    found: dict[str, Any] = run_inside(
        "describe.py",
        {
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "DESCRIBED_DAG": "transient_unload_erp",
            "VARIABLES": json.dumps(variables),
            **(settings or {}),
        },
    )
    return found


@pytest.fixture(scope="module")
def dag() -> dict[str, Any]:
    return described()


def test_reading_it_loads_no_driver_and_reaches_nothing(dag):
    assert dag["import_errors"] == {}
    assert dag["loaded_by_parsing"] == []


def test_the_cluster_starts_when_the_stage_is_complete_and_is_ended_whatever_happens(dag):
    tasks = {name: set(task["upstream"]) for name, task in dag["tasks"].items()}
    assert tasks == {
        "hold_snapshot": set(),
        "snapshot_ready": set(),
        **{name: {"snapshot_ready"} for name in UNLOADS},
        "write_manifest": {"hold_snapshot", "snapshot_ready", *UNLOADS},
        "create_cluster": {"write_manifest"},
        "list_steps": {"create_cluster"},
        "step": {"create_cluster", "list_steps"},
        "cluster_ended": {"create_cluster"},
        "terminate_cluster": {"create_cluster", "step", "cluster_ended"},
        "prove": {"step", "cluster_ended", *UNLOADS},
    }
    rules = {name: task["rule"] for name, task in dag["tasks"].items() if task["rule"] != "all_success"}
    assert rules == {"terminate_cluster": "all_done_setup_success"}
    assert dag["tasks"]["terminate_cluster"]["fails_the_run"]


def test_the_cluster_is_started_watched_and_ended_by_airflows_own_operators(dag):
    kinds = {name: dag["tasks"][name]["kind"] for name in ("create_cluster", "step", "cluster_ended")}
    assert kinds == {
        "create_cluster": "EmrCreateJobFlowOperator",
        "step": "EmrStepSensor",
        "cluster_ended": "EmrJobFlowSensor",
    }
    assert dag["tasks"]["terminate_cluster"]["kind"] == "EmrTerminateJobFlowOperator"


def test_the_request_is_for_a_cluster_that_ends_with_its_steps(dag):
    settings = load_settings({"LAB_BUCKET": "some-bucket"})
    steps = [*read_steps(STEPS / "setup_steps.json", settings), *read_steps(STEPS / "steps.json", settings)]
    assert dag["sent"] == {
        "Name": "transient_unload_erp manual__1",
        "ReleaseLabel": "emr-7.13.0",
        "LogUri": "s3://some-bucket/",
        "Applications": [{"Name": "Hadoop"}, {"Name": "Hive"}, {"Name": "Spark"}],
        "ServiceRole": "EMR_DefaultRole",
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "Instances": {
            "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
            "KeepJobFlowAliveWhenNoSteps": False,
        },
        "Tags": [
            {"Key": "dag", "Value": "transient_unload_erp"},
            {"Key": "run", "Value": "manual__1"},
            {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"},
        ],
        "Steps": steps,
    }
    assert len(steps) == 15


def test_what_terraform_makes_is_named_by_variables():
    sent = described(
        emr_release_label="emr-5.32.0",
        emr_service_role="lake-service",
        emr_instance_profile="lake-nodes",
        emr_instance_type="m5.2xlarge",
        emr_subnet_id="subnet-1",
        emr_security_configuration="lake",
        emr_primary_security_group="sg-1",
        emr_core_security_group="sg-2",
    )["sent"]
    assert (sent["ReleaseLabel"], sent["ServiceRole"], sent["JobFlowRole"]) == (
        "emr-5.32.0", "lake-service", "lake-nodes",
    )  # fmt: skip
    assert sent["SecurityConfiguration"] == "lake"
    assert sent["Instances"] == {
        "Ec2SubnetId": "subnet-1",
        "EmrManagedMasterSecurityGroup": "sg-1",
        "EmrManagedSlaveSecurityGroup": "sg-2",
        "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.2xlarge", "InstanceCount": 1}],
        "KeepJobFlowAliveWhenNoSteps": False,
    }


def test_airflows_own_switch_defers_what_waits(dag):
    waiting = {"create_cluster", "cluster_ended"}
    deferring = described({"AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"})
    assert {name for name, task in dag["tasks"].items() if task["deferred"]} == set()
    assert {name for name, task in deferring["tasks"].items() if task["deferred"]} == waiting


def test_it_runs_when_it_is_asked_to(dag):
    assert (dag["first_run"], dag["max_active_runs"], dag["paused"]) == (None, 1, False)
    assert set(dag["params"]) == {"scale", "date"}


def test_every_task_has_an_end_explains_itself_and_tells_its_failure(dag):
    for name, task in dag["tasks"].items():
        # A second request would be a second cluster.
        assert task["retries"] == (0 if name == "create_cluster" else 2), name
        assert 0 < task["time_limit"] <= 5 * 3600, name
        assert task["tells_failure"], name
        assert task["doc"], name
    for variable in ("emr_release_label", "emr_service_role", "emr_instance_profile", "emr_instance_type"):
        assert variable in dag["doc"]
