"""What the DAGs share: a sensor that tells of its EMR step, and the last words of a failed task's log.

Airflow is imported when a task runs; all else of `lakelab` does without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

Context = Any  # airflow.sdk.Context: a dictionary that may be added to


def watch_step(context: Context) -> None:
    """Before the sensor of one step: its name for the grid, and how often to ask. A cancelled step is told as such."""
    from airflow.sdk import Variable
    from airflow.sdk.exceptions import AirflowFailException

    sensor = context["task"]
    sensor.poke_interval = float(Variable.get("emr_poll_seconds", default=30))
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
