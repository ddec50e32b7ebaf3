"""What the DAGs share: sensors that tell of an EMR step or cluster, and the last words of a failed task's log.

Airflow is imported when a DAG is read or a task runs; all else of `lakelab` does without it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

Context = Any  # airflow.sdk.Context: a dictionary that may be added to
AWS = "aws_default"
_PATIENCE = timedelta(hours=5)


def step_sensors(cluster: Any, steps: Any) -> Any:
    """Task step: Airflow's own sensor, an instance for each step, in the order in which EMR runs them.

    cluster: its id, as a template or another task's answer.  steps: their ids, as a task's answer.
    """
    from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor

    return EmrStepSensor.partial(
        task_id="step",
        aws_conn_id=AWS,
        job_flow_id=cluster,
        map_index_template="{{ step_name }}",
        # In the order in which EMR runs them, so that one process at a time waits.
        max_active_tis_per_dagrun=1,
        pre_execute=watch_step,
        doc_md="Waits for one step of the cluster. Red: its log has the step's reason and where its logs are.",
        **_waiting("the step did not complete"),
    ).expand(step_id=steps)


def cluster_sensor(task_id: str, cluster: Any) -> Any:
    """Airflow's own sensor of a cluster's end. Red when the cluster ended with errors."""
    from airflow.providers.amazon.aws.sensors.emr import EmrJobFlowSensor

    return EmrJobFlowSensor(
        task_id=task_id,
        aws_conn_id=AWS,
        job_flow_id=cluster,
        pre_execute=set_pace,
        doc_md="Waits for the end of the cluster. Red: it ended with errors, of which its log has the reason.",
        **_waiting("the cluster ended with errors"),
    )


def _waiting(reason: str) -> dict[str, Any]:
    """How long a sensor of EMR waits, and that what has failed has failed: only a lost answer is asked for again."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
    from airflow.sdk.exceptions import AirflowException

    return {
        "timeout": _PATIENCE.total_seconds(),
        "execution_timeout": _PATIENCE,
        "retry_policy": ExceptionRetryPolicy(rules=[RetryRule(AirflowException, RetryAction.FAIL, reason=reason)]),
    }


def set_pace(context: Context) -> None:
    """Before a sensor of EMR: how often to ask; and, where it is deferred, how many times."""
    from airflow.sdk import Variable

    sensor = context["task"]
    sensor.poke_interval = float(Variable.get("emr_poll_seconds", default=30))
    sensor.max_attempts = math.ceil(sensor.timeout / max(1, sensor.poke_interval))


def watch_step(context: Context) -> None:
    """Before the sensor of one step: its name for the grid, and how often to ask. A cancelled step is told as such."""
    from airflow.sdk.exceptions import AirflowFailException

    set_pace(context)
    sensor = context["task"]
    step = sensor.hook.conn.describe_step(ClusterId=sensor.job_flow_id, StepId=sensor.step_id)["Step"]
    context["step_name"] = step["Name"]
    logging.getLogger("airflow.task").info("Step %s: %s", sensor.step_id, step["Name"])
    if step["Status"]["State"] == "CANCELLED":
        raise AirflowFailException(
            f"step {step['Name']!r} was cancelled: one before it failed, or someone cancelled it"
        )


def failure_teller(advice: Mapping[str, str]) -> Callable[[Context], None]:
    """The end of a failed task's log: what went wrong in one line, and what to do. advice: by task."""
    log = logging.getLogger("airflow.task")

    def tell_failure(context: Context) -> None:
        name = context["ti"].task_id
        log.error("%s failed: %s", name, context.get("exception") or "it was ended from outside, see above")
        log.error("What to do: %s", advice.get(name, "mend what the line above names, then clear the whole run."))

    return tell_failure
