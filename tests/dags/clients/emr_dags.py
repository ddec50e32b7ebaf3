"""DAGs of Airflow's own EMR operators and sensors, each in both kinds: waiting in the task, and deferred.

Read inside the Airflow image, where emr_clients.py runs them.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from airflow.providers.amazon.aws.operators.emr import (
    EmrAddStepsOperator,
    EmrCreateJobFlowOperator,
    EmrModifyClusterOperator,
    EmrTerminateJobFlowOperator,
)
from airflow.providers.amazon.aws.sensors.emr import EmrJobFlowSensor, EmrStepSensor
from airflow.providers.amazon.aws.utils.waiter import WaitPolicy
from airflow.sdk import DAG

QUICK = {"waiter_delay": 1, "waiter_max_attempts": 120}
POKING = {"poke_interval": 1, "timeout": 120}
said: dict[str, str] = {}  # what the tasks failed with
starts: Counter[str] = Counter()  # of each task; one that was deferred starts again when its trigger has fired


def cluster(name: str, *steps: dict[str, Any], keep: bool) -> dict[str, Any]:
    """A RunJobFlow request."""
    node = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    return {
        "Name": name,
        "ReleaseLabel": "emr-7.13.0",
        "LogUri": f"s3://{os.environ['BUCKET']}/logs/",
        "ServiceRole": "EMR_DefaultRole",
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "Instances": {"InstanceGroups": [node], "KeepJobFlowAliveWhenNoSteps": keep},
        "Steps": list(steps),
    }


def step(script: str, action: str = "CONTINUE") -> dict[str, Any]:
    jar = {"Jar": "command-runner.jar", "Args": ["bash", "-c", script]}
    return {"Name": script, "ActionOnFailure": action, "HadoopJarStep": jar}


GOOD, SLOW, BAD = step("true"), step("sleep 4"), step("sleep 2; echo no such table >&2; exit 3")


def note_failure(context: Any) -> None:
    said[context["ti"].task_id] = str(context["exception"])


def note_start(context: Any) -> None:
    starts[context["ti"].task_id] += 1


def dag(name: str) -> DAG:
    notes = {"on_failure_callback": note_failure, "on_execute_callback": note_start}
    return DAG(name, schedule=None, default_args={"retries": 0, "aws_conn_id": "aws_default", **notes})


def a_cluster_s_life(*, deferrable: bool) -> DAG:
    """Every operator and sensor once, on a cluster that stands."""
    how = {"deferrable": deferrable}
    name = f"life {deferrable}"
    with dag(f"life_{deferrable}") as made:
        create = EmrCreateJobFlowOperator(
            task_id="create", emr_conn_id=None, job_flow_overrides=cluster(name, keep=True),
            wait_policy=WaitPolicy.WAIT_FOR_COMPLETION, wait_for_completion=True, **QUICK, **how,
        )  # fmt: skip
        add = EmrAddStepsOperator(
            task_id="add", job_flow_id=create.output, steps=[GOOD, SLOW], wait_for_completion=True, **QUICK, **how
        )
        by_name = EmrAddStepsOperator(
            task_id="by_name", job_flow_name=name, cluster_states=["RUNNING", "WAITING"], steps=[SLOW]
        )
        watch = EmrStepSensor(
            task_id="watch", job_flow_id=create.output, step_id="{{ ti.xcom_pull('by_name')[0] }}", **POKING, **how
        )
        modify = EmrModifyClusterOperator(task_id="modify", cluster_id=create.output, step_concurrency_level=2)
        terminate = EmrTerminateJobFlowOperator(task_id="terminate", job_flow_id=create.output, **QUICK, **how)
        ended = EmrJobFlowSensor(task_id="ended", job_flow_id=create.output, **POKING, **how)
        create >> add >> by_name >> watch >> modify >> terminate >> ended
    return made


def failures(*, deferrable: bool) -> DAG:
    """What goes wrong on a cluster, as each of them tells it."""
    how = {"deferrable": deferrable}
    with dag(f"failures_{deferrable}") as made:
        create = EmrCreateJobFlowOperator(
            task_id="create", emr_conn_id=None, job_flow_overrides=cluster("failures", keep=True)
        )
        add = EmrAddStepsOperator(
            task_id="add", job_flow_id=create.output, steps=[BAD], wait_for_completion=True, **QUICK, **how
        )
        # One after the other, whatever became of the one before: each is watched while it still runs.
        adding = EmrAddStepsOperator(
            task_id="adding", job_flow_id=create.output, steps=[step("sleep 4; exit 4")], trigger_rule="all_done"
        )
        watch = EmrStepSensor(
            task_id="watch", job_flow_id=create.output, step_id="{{ ti.xcom_pull('adding')[0] }}", **POKING, **how
        )
        breaking = EmrCreateJobFlowOperator(
            task_id="breaking", emr_conn_id=None, trigger_rule="all_done",
            job_flow_overrides=cluster("breaking", step("sleep 4; exit 6", "TERMINATE_CLUSTER"), keep=False),
        )  # fmt: skip
        ended = EmrJobFlowSensor(task_id="ended", job_flow_id=breaking.output, **POKING, **how)
        EmrAddStepsOperator(task_id="refused", job_flow_id="j-0000000000000", steps=[GOOD])
        terminate = EmrTerminateJobFlowOperator(task_id="terminate", job_flow_id=create.output, trigger_rule="all_done")
        add >> adding >> watch >> breaking >> ended >> terminate
    return made


LIFE = {deferrable: a_cluster_s_life(deferrable=deferrable) for deferrable in (False, True)}
FAILURES = {deferrable: failures(deferrable=deferrable) for deferrable in (False, True)}
life_at_once, life_deferred, failures_at_once, failures_deferred = *LIFE.values(), *FAILURES.values()
