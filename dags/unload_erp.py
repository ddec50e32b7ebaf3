"""
### The ERP into the warehouse

Unloads the eleven tables of the school's ERP to `s3://<bucket_name>/stage/<table>.csv`, all **as of one moment**, and
has the EMR cluster integrate them: `dags/EMR/steps.json` copies them to HDFS (`/dev/data/ERP/<TABLE>`), computes the
students' averages and builds the marts of the Hive database `data_dev_5data`. The last task proves that every table is
the same in the ERP, in the stage and in the presentation.

| what | name |
|---|---|
| connections | `5DATA-ERP` (Postgres), `aws_default` (S3 and EMR), `hiveserver2_default` (Hive) |
| variables | `bucket_name`, `emr_cluster_id`, `emr_poll_seconds` (between two questions to EMR; 30 if not set) |
| schedule | every night at 03:00, one run at a time; after a pause, only the last night that was missed |
| parameters | `scale`: go on only if the ERP has that many students; `date`: the day that the run stands for |

On the laptop and on AWS this is the same file: only connections and variables differ. It may be run again at any time:
each run replaces the stage and the presentation.

**When a task is red**, its log ends with what went wrong and what to do. An unload can be cleared and run again by
itself only while `hold_snapshot` runs; later, clear the whole run: another moment needs all eleven tables.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
from airflow.sdk import DAG, CronTriggerTimetable

from lakelab.airflow_steps import AWS, step_sensors
from lakelab.airflow_unload import PROVE_ADVICE, default_args, parameters, prove, unload

ADVICE = {
    "add_steps": "check that the cluster of variable emr_cluster_id stands (WAITING or RUNNING), then clear this task.",
    "step": "read the step's own logs: in s3://<bucket_name>/<cluster>/steps/<step>/, or by `lab emr logs <step>`; mend"
    " it, then clear add_steps with what follows.",
    "prove": PROVE_ADVICE,
}


with DAG(
    "unload_erp",
    description="The school's ERP into the Hive warehouse: unload, EMR steps, proof",
    doc_md=__doc__,
    # Not at once when a laptop is opened in the morning: a first run waits for the next 03:00.
    schedule=CronTriggerTimetable("0 3 * * *", timezone="Europe/Paris", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    # A trigger by hand runs at once, without a switch to find first.
    is_paused_upon_creation=False,
    tags=["erp", "emr", "hive", "pipeline 1"],
    params=parameters(),
    default_args=default_args(ADVICE),
    dagrun_timeout=timedelta(hours=6),
) as dag:
    unloaded = unload(Path(__file__).parent / "scripts")
    add_steps = EmrAddStepsOperator(
        task_id="add_steps",
        aws_conn_id=AWS,
        job_flow_id="{{ var.value.emr_cluster_id }}",
        steps="EMR/steps.json",
        doc_md="Adds the steps of `dags/EMR/steps.json` to the cluster of variable `emr_cluster_id`.",
    )
    step = step_sensors("{{ var.value.emr_cluster_id }}", add_steps.output)

    unloaded.manifest >> add_steps >> step >> prove(unloaded.reports)
