"""Runs inside the Airflow image, beside an EMR endpoint: the DAGs of clients/, and the triggers of deferred tasks.

Says as JSON how each task ended, what those that failed said, and each trigger's event. Everything is Airflow's, as
a scheduler, a worker and a triggerer would run it; the endpoint is reached by HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.environ["AIRFLOW__CORE__DAGS_FOLDER"])

import emr_dags
from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.triggers import emr as triggers
from airflow.sdk import DAG
from airflow.sdk.module_loading import import_string
from airflow.utils.db import initdb
from emr_dags import BAD, FAILURES, GOOD, LIFE, QUICK, SLOW, cluster, step


def outcome(made: DAG) -> dict[str, Any]:
    """A run of the DAG: its state, those of its tasks, which of them were deferred, and what they failed with."""
    emr_dags.said.clear()
    emr_dags.starts.clear()
    run = made.test()
    tasks = {ti.task_id: ti.state for ti in run.get_task_instances()}
    deferred = sorted(name for name, number in emr_dags.starts.items() if number > 1)
    return {"run": run.state, "tasks": tasks, "deferred": deferred, "said": dict(emr_dags.said)}


def fired(path: str, **arguments: Any) -> Callable[[], dict[str, Any]]:
    """The event of a trigger, made again from what Airflow stores of it, as the triggerer does."""
    kind, stored = getattr(triggers, path)(**arguments, **QUICK).serialize()

    async def first() -> dict[str, Any]:
        async for event in import_string(kind)(**json.loads(json.dumps(stored))).run():
            return event.payload
        raise AssertionError("no event")

    return lambda: asyncio.run(first())


def events() -> dict[str, dict[str, Any]]:
    """What each trigger of an EMR cluster says, by the case."""
    emr = EmrHook(aws_conn_id="aws_default").conn
    here = {"aws_conn_id": "aws_default"}
    standing = emr.run_job_flow(**cluster("triggers", keep=True))["JobFlowId"]
    found = {"created": fired("EmrCreateJobFlowTrigger", job_flow_id=standing, **here)()}
    good = emr.add_job_flow_steps(JobFlowId=standing, Steps=[SLOW, GOOD])["StepIds"]
    found["steps"] = fired("EmrAddStepsTrigger", job_flow_id=standing, step_ids=good, **here)()
    bad = emr.add_job_flow_steps(JobFlowId=standing, Steps=[GOOD, BAD])["StepIds"]
    found["bad steps"] = fired("EmrAddStepsTrigger", job_flow_id=standing, step_ids=bad, **here)()
    (slow,) = emr.add_job_flow_steps(JobFlowId=standing, Steps=[SLOW])["StepIds"]
    found["step"] = fired("EmrStepSensorTrigger", job_flow_id=standing, step_id=slow, **here)()
    found["bad step"] = fired("EmrStepSensorTrigger", job_flow_id=standing, step_id=bad[1], **here)()
    (held,) = emr.add_job_flow_steps(JobFlowId=standing, Steps=[step("sleep 600")])["StepIds"]
    emr.cancel_steps(ClusterId=standing, StepIds=[held], StepCancellationOption="TERMINATE_PROCESS")
    found["cancelled step"] = fired("EmrStepSensorTrigger", job_flow_id=standing, step_id=held, **here)()
    emr.terminate_job_flows(JobFlowIds=[standing])
    found["terminated"] = fired("EmrTerminateJobFlowTrigger", job_flow_id=standing, **here)()
    failing = cluster("failing", step("exit 7", "TERMINATE_CLUSTER"), keep=False)
    failed = emr.run_job_flow(**failing)["JobFlowId"]
    found["failed cluster"] = fired("EmrTerminateJobFlowTrigger", job_flow_id=failed, **here)()
    found["no cluster"] = fired("EmrStepSensorTrigger", job_flow_id="j-0000000000000", step_id="s-1", **here)()
    return found


with contextlib.redirect_stdout(sys.stderr):  # tasks print as they like
    initdb()
    answer = {
        "at once": outcome(LIFE[False]),
        "deferred": outcome(LIFE[True]),
        "failures at once": outcome(FAILURES[False]),
        "failures deferred": outcome(FAILURES[True]),
        "events": events(),
    }
print(json.dumps(answer, default=str))
