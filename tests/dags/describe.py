"""Runs inside the Airflow image: says as JSON what the DAGs are once Airflow has read them, and what their parts do."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

FOLDER = "/opt/lakelab/dags"


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(dag_folder=FOLDER)
    loaded = sorted(set(sys.modules) & {"psycopg2", "pyhive", "thrift", "boto3.s3.inject", "pandas"})
    dag = bag.dags[os.environ["DESCRIBED_DAG"]]
    as_the_scheduler_sees_it = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    answer = {
        "import_errors": bag.import_errors,
        "dags": sorted(bag.dags),
        "loaded_by_parsing": loaded,
        "schedule": as_the_scheduler_sees_it.timetable.summary,
        "first_run": dag.schedule and first_run(as_the_scheduler_sees_it.timetable),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "paused": dag.is_paused_upon_creation,
        "tags": sorted(dag.tags),
        "params": {name: param.schema | {"default": param.value} for name, param in dag.params.items()},
        "doc": dag.doc_md,
        "tasks": {task.task_id: describe(task) for task in dag.tasks},
        "sent": sent(dag),
        "watched": watched(),
    }
    print(json.dumps(answer))


def describe(task) -> dict:
    return {
        "upstream": sorted(task.upstream_task_ids),
        "kind": task.operator_name,
        "retries": task.retries,
        "time_limit": task.execution_timeout.total_seconds(),
        "tells_failure": bool(task.on_failure_callback),
        "doc": task.doc_md,
        "at_once": task.max_active_tis_per_dagrun,
        "rule": task.trigger_rule,
        "deferred": getattr(task, "deferrable", None),
        "fails_the_run": task.on_failure_fail_dagrun,
    }


def first_run(timetable) -> str:
    """When Airflow would run it first, where it sees the DAG for the first time on 10 May at 5 in the morning."""
    import pendulum
    from airflow.timetables import trigger
    from airflow.timetables.base import TimeRestriction

    trigger.utcnow = lambda: pendulum.datetime(2026, 5, 10, 5, tz="Europe/Paris")
    anything = TimeRestriction(earliest=None, latest=None, catchup=False)
    found = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=anything)
    return found.run_after.in_timezone("Europe/Paris").isoformat()


class Values(SimpleNamespace):
    """Airflow's variables as templates see them."""

    def get(self, name: str, default: str) -> str:
        return getattr(self, name, default)


def sent(dag) -> dict:
    """What the DAG's operator sends to EMR: its file, found in the DAGs' folder, with the variables filled in."""
    import ast

    values = Values(bucket_name="some-bucket", emr_cluster_id="j-1", **json.loads(os.environ.get("VARIABLES", "{}")))
    context = {"var": {"value": values}, "dag": dag, "run_id": "manual__1"}
    creates = "create_cluster" in dag.task_dict
    operator = dag.get_task("create_cluster" if creates else "add_steps")
    operator.resolve_template_files()

    def render(field: str):
        return operator.render_template(getattr(operator, field), context, dag.get_template_env(force_sandboxed=False))

    if creates:
        return ast.literal_eval(render("job_flow_overrides"))
    return {"cluster": render("job_flow_id"), "steps": ast.literal_eval(render("steps"))}


def watched() -> dict[str, str]:
    """What happens before a sensor waits for a step, by the step's state."""
    import airflow.sdk

    from lakelab.airflow_steps import watch_step

    found = {}
    airflow.sdk.Variable = SimpleNamespace(get=lambda key, default: "1.5")
    for state in ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"):
        context = {"task": sensor(state)}
        try:
            watch_step(context)
            found[state] = f"{context['step_name']}, asked every {context['task'].poke_interval} s"
        except airflow.sdk.exceptions.AirflowFailException as error:
            found[state] = f"fails: {error}"
    return found


def sensor(state: str):
    step = {"Step": {"Name": "Marts", "Status": {"State": state}}}
    client = SimpleNamespace(describe_step=lambda ClusterId, StepId: step)
    hook = SimpleNamespace(conn=client)
    return SimpleNamespace(job_flow_id="j-1", step_id="s-1", poke_interval=60, timeout=18_000, hook=hook)


if __name__ == "__main__":
    main()
