"""
### Impressions and clicks

Which impressions of ads led to a click, and what the click rate depends on. `dags/EMR/ad_trends.json` has the EMR
cluster lay **external tables** over the logs in `s3://<bucket_name>-logs/{impressions,clicks}`, a partition for each
hour; **join** them (an impression without a click stays, a record that was sent twice counts once, a late one counts
for the hour of its event); and write the joined table and the **trends** to `s3://<bucket_name>-trends`, as text and as
Parquet: by ad, hour, device, position and day, the best and the worst ads, and those that gained or wore out.

| what | name |
|---|---|
| connection | `aws_default` (S3 and EMR) |
| variables | `bucket_name`, `emr_cluster_id`, `emr_poll_seconds` (between two questions to EMR; 30 if not set) |
| schedule | every night at 04:00, one run at a time; without logs the run is skipped |
| parameter | `wait_minutes`: how long to wait for logs |
| results | Hive database `data_dev_ads`: `joined`, `trends`, `ads`, and each `…_text` |

On the laptop and on AWS this is the same file: only connection and variables differ. It may be run again at any time:
each run replaces tables and results. Logs to try it with: `lab ads fill --stack`; a page with charts of what it found:
`lab ads report`.

**When a task is red**, its log ends with what went wrong and what to do.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk import DAG, CronTriggerTimetable, Param, Variable, get_current_context, task

from lakelab.airflow_steps import AWS, failure_teller, step_sensors

LOGS = ("impressions", "clicks")
ADVICE = {
    "add_steps": "check that the cluster of variable emr_cluster_id stands (WAITING or RUNNING), then clear this task.",
    "step": "read the step's own logs: in s3://<bucket_name>/<cluster>/steps/<step>/, or by `lab emr logs <step>`; mend"
    " it, then clear add_steps with what follows.",
}

log = logging.getLogger("airflow.task.ad_trends")


def set_patience(context) -> None:
    """Before a sensor of the logs: how long it waits, in minutes as the parameter has it."""
    context["task"].timeout = 60 * context["params"]["wait_minutes"]


with DAG(
    "ad_trends",
    description="Impressions and clicks: join and trends by EMR steps, results in another bucket",
    doc_md=__doc__,
    # Not at once when a laptop is opened in the morning: a first run waits for the next 04:00.
    schedule=CronTriggerTimetable("0 4 * * *", timezone="Europe/Paris", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    # A trigger by hand runs at once, without a switch to find first.
    is_paused_upon_creation=False,
    tags=["ads", "emr", "hive", "pipeline 4"],
    params={
        "wait_minutes": Param(
            1,
            type="number",
            minimum=0,
            maximum=720,
            title="Minutes to wait",
            description="How long to wait for the first logs. Then, without any, the run is skipped.",
        ),
    },
    default_args={
        "owner": "data-engineering",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": failure_teller(ADVICE),
    },
    dagrun_timeout=timedelta(hours=6),
) as dag:
    logged = [
        S3KeySensor(
            task_id=f"{name}_logged",
            aws_conn_id=AWS,
            bucket_key=f"s3://{{{{ var.value.bucket_name }}}}-logs/{name}/*",
            wildcard_match=True,
            poke_interval=10,
            soft_fail=True,
            execution_timeout=timedelta(hours=13),
            pre_execute=set_patience,
            doc_md=f"Waits until there are logs of {name}; without any, the rest of the run is skipped.",
        )
        for name in LOGS
    ]

    add_steps = EmrAddStepsOperator(
        task_id="add_steps",
        aws_conn_id=AWS,
        job_flow_id="{{ var.value.emr_cluster_id }}",
        steps="EMR/ad_trends.json",
        doc_md="Adds the steps of `dags/EMR/ad_trends.json` to the cluster of variable `emr_cluster_id`.",
    )
    step = step_sensors("{{ var.value.emr_cluster_id }}", add_steps.output)

    @task(
        doc_md="""
Reads the trends as text from `s3://<bucket_name>-trends/text/trends` and shows the click rate of the whole and of each
device and position in the log: a first look at what the steps wrote.
"""
    )
    def show_trends() -> dict[str, int]:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        from lakelab.s3 import S3Storage
        from lakelab.trends import read_trends

        storage = S3Storage(S3Hook(aws_conn_id=AWS).conn)
        trends = read_trends(storage, f"s3://{Variable.get('bucket_name')}-trends/text/trends")
        for trend in trends:
            if trend.dimension in ("all", "device", "position"):
                log.info("%-9s %-9s %11s impressions, %6.3f%% clicked", *trend.told)
        whole = next(trend for trend in trends if trend.dimension == "all")
        log.info("Run %s: tables in database data_dev_ads", get_current_context()["run_id"])
        return {"impressions": whole.impressions, "clicks": whole.clicks}

    logged >> add_steps >> step >> show_trends()
