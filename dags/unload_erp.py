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

import logging
from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor
from airflow.sdk import (
    DAG,
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    Variable,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from lakelab.airflow_steps import failure_teller, watch_step
from lakelab.catalogue import TABLES
from lakelab.errors import LabError, SnapshotGoneError

ERP = "5DATA-ERP"
AWS = "aws_default"
HIVE = "hiveserver2_default"
UNLOADS = [f"unload_{table.name}" for table in TABLES]
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}

log = logging.getLogger("airflow.task.unload_erp")


def erp_connection():
    """A new session on the ERP. By psycopg2, as the unload streams COPY with it; the hook itself opens psycopg 3."""
    import psycopg2
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    uri = PostgresHook(postgres_conn_id=ERP, sqlalchemy_scheme="postgresql").get_uri()
    return psycopg2.connect(uri, connect_timeout=10, application_name="airflow unload_erp")


def stage():
    """The object store and the address of the stage in it."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    from lakelab.s3 import S3Storage

    return S3Storage(S3Hook(aws_conn_id=AWS).conn), f"s3://{Variable.get('bucket_name')}/stage"


def hive():
    """HiveServer2, as its connection says: host, port, login, schema; in Extra, what else PyHive takes, as `auth`."""
    from airflow.sdk import BaseHook

    from lakelab.hiveserver2 import HiveServer2

    logging.getLogger("pyhive").setLevel(logging.WARNING)  # it would log every statement, and the proof's is long
    given = BaseHook.get_connection(HIVE)
    more = {**given.extra_dejson, **({"password": given.password} if given.password else {})}
    return HiveServer2(
        given.host, given.port or 10000, user=given.login or "hadoop", database=given.schema or "default", **more
    )


def states_of(context, task_ids: list[str]) -> dict[str, str | None]:
    """The states of other tasks of this run."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=task_ids, run_ids=[ti.run_id])
    return states.get(ti.run_id, {})


ADVICE = {
    "add_steps": "check that the cluster of variable emr_cluster_id stands (WAITING or RUNNING), then clear this task.",
    "step": "read the step's own logs: in s3://<bucket_name>/<cluster>/steps/<step>/, or by `lab emr logs <step>`; mend"
    " it, then clear add_steps with what follows.",
    "prove": "where tables differ, find out what else wrote into them (the table above shows where), then clear the"
    " whole run; where HiveServer2 did not answer, clear this task once it does.",
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
    params={
        "scale": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Scale",
            description="Students that the ERP must have, else the run stops before it touches the stage. Empty: any.",
        ),
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description="The day that this run stands for, kept in the stage's manifest. Empty: the day of the run.",
        ),
    },
    default_args={
        "owner": "data-engineering",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": failure_teller(ADVICE),
        # The same moment never comes back: trying again is of no use.
        "retry_policy": ExceptionRetryPolicy(
            rules=[RetryRule(SnapshotGoneError, RetryAction.FAIL, reason="the snapshot is gone")]
        ),
    },
    dagrun_timeout=timedelta(hours=6),
) as dag:

    @task(
        priority_weight=100,
        weight_rule="absolute",
        doc_md="""
Fixes **one moment** of the ERP and holds it: a session with an exported snapshot (`pg_export_snapshot`) stays open, and
the unloads read at it. It ends when all eleven have ended, well or not. Nothing in the ERP is locked for writers.
Before, it checks `scale` and takes the stage's manifest away, as the files are about to change.
""",
    )
    def hold_snapshot() -> str:
        from dataclasses import asdict

        from lakelab.snapshot import hold_snapshot as hold
        from lakelab.unload import withdraw_manifest
        from lakelab.unload_tasks import require_scale

        context = get_current_context()
        if context["params"]["scale"]:
            require_scale(erp_connection, context["params"]["scale"])
        withdraw_manifest(*stage())

        def publish(snapshot) -> None:
            context["ti"].xcom_push(key="snapshot", value=asdict(snapshot))
            log.info("Holding snapshot %s at position %s of the write-ahead log", snapshot.id, snapshot.lsn)

        def finished() -> bool:
            states = states_of(context, UNLOADS)
            return len(states) == len(UNLOADS) and all(state in ENDED for state in states.values())

        return hold(erp_connection, publish, finished).id

    @task.sensor(
        poke_interval=1,
        timeout=300,
        mode="poke",
        doc_md="Waits until a session can join the snapshot that `hold_snapshot` holds, and hands it to the unloads.",
    )
    def snapshot_ready():
        from airflow.sdk import PokeReturnValue

        from lakelab.snapshot import reader_at

        context = get_current_context()
        snapshot = context["ti"].xcom_pull(task_ids="hold_snapshot", key="snapshot")
        if snapshot:
            try:
                with reader_at(erp_connection, snapshot["id"], "students"):
                    return PokeReturnValue(is_done=True, xcom_value=snapshot)
            except SnapshotGoneError:
                log.info("Snapshot %s is of a try before; waiting for the next", snapshot["id"])
        if states_of(context, ["hold_snapshot"]).get("hold_snapshot") in ENDED:
            raise AirflowFailException("hold_snapshot ended without a snapshot to read at: see its log")
        return PokeReturnValue(is_done=False)

    def unload(name: str):
        @task(
            task_id=f"unload_{name}",
            doc_md=f"""
`query_to_local`: COPY of `dags/scripts/unload_{name}.sql` at the snapshot into a local file, a large table by two
sessions; then `csv_to_s3` into `s3://<bucket_name>/stage/{name}.csv`. The table's checksum in the ERP is taken at the
same moment, for the proof.
""",
        )
        def unload_one(snapshot: dict) -> dict:
            from lakelab.unload_tasks import unload_table

            storage, uri = stage()
            sql = (Path(__file__).parent / "scripts" / f"unload_{name}.sql").read_text(encoding="utf-8")
            report = unload_table(
                name, sql, connect=erp_connection, snapshot=snapshot["id"], storage=storage, stage_uri=uri
            )
            log.info("%s: %s records, %s bytes in %s/%s.csv", name, f"{report['rows']:,}", report["bytes"], uri, name)
            return report

        return unload_one

    @task(doc_md="Declares the stage complete by `_manifest.json`: files, records, bytes, the snapshot and the day.")
    def write_manifest(reports: list[dict], snapshot: dict) -> str:
        from lakelab.snapshot import Snapshot
        from lakelab.unload_tasks import complete_stage

        context = get_current_context()
        # A run by hand has no logical date.
        day: datetime = context.get("logical_date") or context["dag_run"].run_after
        date = context["params"]["date"] or day.date().isoformat()
        return complete_stage(*stage(), reports, Snapshot(**snapshot), date)

    @task(
        retry_delay=timedelta(seconds=30),  # as long as HiveServer2 takes to start again
        doc_md="""
Compares each table's records and checksum: in the **ERP** at the snapshot, in the **stage**, and in the
**presentation** as HiveServer2 reads it from HDFS. The log shows all of them; a difference fails the run and names the
table and the tier.
""",
    )
    def prove(reports: list[dict]) -> None:
        from lakelab.unload_tasks import prove as compare

        with hive() as warehouse:
            table, difference = compare(reports, *stage(), warehouse.rows)
        for line in table.splitlines():
            log.info(line)
        if difference:
            raise AirflowFailException(str(LabError(difference, where="proof", fix="clear the whole run")))
        log.info("%s tables are equal in the ERP, the stage and the presentation", len(reports))

    held, ready = hold_snapshot(), snapshot_ready()
    reports = [unload(table.name)(ready) for table in TABLES]
    manifest = write_manifest(reports, ready)

    add_steps = EmrAddStepsOperator(
        task_id="add_steps",
        aws_conn_id=AWS,
        job_flow_id="{{ var.value.emr_cluster_id }}",
        steps="EMR/steps.json",
        doc_md="Adds the steps of `dags/EMR/steps.json` to the cluster of variable `emr_cluster_id`.",
    )
    step = EmrStepSensor.partial(
        task_id="step",
        aws_conn_id=AWS,
        job_flow_id="{{ var.value.emr_cluster_id }}",
        timeout=timedelta(hours=5).total_seconds(),
        execution_timeout=timedelta(hours=5),
        map_index_template="{{ step_name }}",
        # In the order in which EMR runs them, so that one process at a time waits.
        max_active_tis_per_dagrun=1,
        pre_execute=watch_step,
        # A step that failed has failed; only a question that EMR did not answer is asked again.
        retry_policy=ExceptionRetryPolicy(
            rules=[RetryRule(AirflowException, RetryAction.FAIL, reason="the step did not complete")]
        ),
        doc_md="Waits for one step of the cluster. Red: its log has the step's reason and where its logs are.",
    ).expand(step_id=add_steps.output)

    held >> manifest
    manifest >> add_steps >> step >> prove(reports)
