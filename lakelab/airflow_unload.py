"""The tasks that unload the ERP and prove a run, for every DAG that does so: what each does is in `unload_tasks`.

A DAG calls `unload` and `prove` inside its `with DAG(…)`. They need its parameters (`parameters`), and the retry policy
of `default_args`. Connections and variables are read when a task runs; so is what takes long to import.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lakelab.airflow_steps import AWS, Context, failure_teller
from lakelab.catalogue import TABLES
from lakelab.errors import LabError, SnapshotGoneError

ERP = "5DATA-ERP"
HIVE = "hiveserver2_default"
UNLOADS = [f"unload_{table.name}" for table in TABLES]
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
PROVE_ADVICE = (
    "where tables differ, find out what else wrote into them (the table above shows where), then clear the whole run;"
    " where HiveServer2 did not answer, clear this task once it does."
)
_HOLD_DOC = """
Fixes **one moment** of the ERP and holds it: a session with an exported snapshot (`pg_export_snapshot`) stays open, and
the unloads read at it. It ends when all eleven have ended, well or not. Nothing in the ERP is locked for writers.
Before, it checks `scale` and takes the stage's manifest away, as the files are about to change.
"""
_UNLOAD_DOC = """
`query_to_local`: COPY of `dags/scripts/unload_{name}.sql` at the snapshot into a local file, a large table by two
sessions; then `csv_to_s3` into `s3://<bucket_name>/stage/{name}.csv`. The table's checksum in the ERP is taken at the
same moment, for the proof.
"""
_PROVE_DOC = """
Compares each table's records and checksum: in the **ERP** at the snapshot, in the **stage**, and in the
**presentation** as HiveServer2 reads it from HDFS. The log shows all of them; a difference fails the run and names the
table and the tier.
"""

log = logging.getLogger("airflow.task.unload_erp")


@dataclass(frozen=True)
class Unload:
    """The unload of all tables in a DAG.

    reports: what each unload returns.  manifest: the task after which the stage is complete.
    """

    reports: Sequence[Any]
    manifest: Any


def parameters() -> dict[str, Any]:
    """The parameters of a DAG that unloads the ERP."""
    from airflow.sdk import Param

    return {
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
    }


def default_args(advice: Mapping[str, str]) -> dict[str, Any]:
    """What the tasks of such a DAG have in common.  advice: what to do when a task failed, by task."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    return {
        "owner": "data-engineering",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": failure_teller(advice),
        # The same moment never comes back: trying again is of no use.
        "retry_policy": ExceptionRetryPolicy(
            rules=[RetryRule(SnapshotGoneError, RetryAction.FAIL, reason="the snapshot is gone")]
        ),
    }


def unload(scripts: Path) -> Unload:
    """Tasks hold_snapshot, snapshot_ready, unload_<table> and write_manifest.  scripts: folder of the SQL."""
    from airflow.sdk import task

    held = task(_hold_snapshot, task_id="hold_snapshot", priority_weight=100, weight_rule="absolute", doc_md=_HOLD_DOC)
    ready = task.sensor(
        _snapshot_ready,
        task_id="snapshot_ready",
        poke_interval=1,
        timeout=300,
        mode="poke",
        doc_md="Waits until a session can join the snapshot that `hold_snapshot` holds, and hands it to the unloads.",
    )
    write = task(
        _write_manifest,
        task_id="write_manifest",
        doc_md="Declares the stage complete by `_manifest.json`: files, records, bytes, the snapshot and the day.",
    )
    holding, snapshot = held(), ready()
    reports = [
        task(_unload_one, task_id=f"unload_{table.name}", doc_md=_UNLOAD_DOC.format(name=table.name))(
            table.name, str(scripts / f"unload_{table.name}.sql"), snapshot
        )
        for table in TABLES
    ]
    manifest = write(reports, snapshot)
    holding >> manifest
    return Unload(reports, manifest)


def prove(reports: Sequence[Any], *, warehouse_may_be_gone: bool = False) -> Any:
    """The task prove. warehouse_may_be_gone: without a connection to HiveServer2, the stage alone is compared."""
    from airflow.sdk import task

    return task(
        _prove,
        task_id="prove",
        retry_delay=timedelta(seconds=30),  # as long as HiveServer2 takes to start again
        doc_md=_PROVE_DOC,
    )(reports, warehouse_may_be_gone)


def _hold_snapshot() -> str:
    from dataclasses import asdict

    from airflow.sdk import get_current_context

    from lakelab.snapshot import Snapshot, hold_snapshot
    from lakelab.unload import withdraw_manifest
    from lakelab.unload_tasks import require_scale

    context: Context = get_current_context()
    if context["params"]["scale"]:
        require_scale(erp_connection, context["params"]["scale"])
    withdraw_manifest(*_stage())

    def publish(snapshot: Snapshot) -> None:
        context["ti"].xcom_push(key="snapshot", value=asdict(snapshot))
        log.info("Holding snapshot %s at position %s of the write-ahead log", snapshot.id, snapshot.lsn)

    def finished() -> bool:
        states = _states_of(context, UNLOADS)
        return len(states) == len(UNLOADS) and all(state in ENDED for state in states.values())

    return hold_snapshot(erp_connection, publish, finished).id


def _snapshot_ready() -> Any:
    from airflow.sdk import PokeReturnValue, get_current_context
    from airflow.sdk.exceptions import AirflowFailException

    from lakelab.snapshot import reader_at

    context: Context = get_current_context()
    snapshot = context["ti"].xcom_pull(task_ids="hold_snapshot", key="snapshot")
    if snapshot:
        try:
            with reader_at(erp_connection, snapshot["id"], "students"):
                return PokeReturnValue(is_done=True, xcom_value=snapshot)
        except SnapshotGoneError:
            log.info("Snapshot %s is of a try before; waiting for the next", snapshot["id"])
    if _states_of(context, ["hold_snapshot"]).get("hold_snapshot") in ENDED:
        raise AirflowFailException("hold_snapshot ended without a snapshot to read at: see its log")
    return PokeReturnValue(is_done=False)


def _unload_one(name: str, script: str, snapshot: dict) -> dict:  # type: ignore[type-arg] # Airflow reads it
    from lakelab.unload_tasks import unload_table

    storage, uri = _stage()
    sql = Path(script).read_text(encoding="utf-8")
    report = unload_table(name, sql, connect=erp_connection, snapshot=snapshot["id"], storage=storage, stage_uri=uri)
    log.info("%s: %s records, %s bytes in %s/%s.csv", name, f"{report['rows']:,}", report["bytes"], uri, name)
    return report


def _write_manifest(reports: list, snapshot: dict) -> str:  # type: ignore[type-arg]
    from airflow.sdk import get_current_context

    from lakelab.snapshot import Snapshot
    from lakelab.unload_tasks import complete_stage

    context: Context = get_current_context()
    # A run by hand has no logical date.
    day: datetime = context.get("logical_date") or context["dag_run"].run_after
    date = context["params"]["date"] or day.date().isoformat()
    return complete_stage(*_stage(), reports, Snapshot(**snapshot), date)


def _prove(reports: list, warehouse_may_be_gone: bool) -> None:  # type: ignore[type-arg]
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

    from lakelab.unload_tasks import prove as compare

    try:
        warehouse = _hive()
    except AirflowNotFoundException:
        if not warehouse_may_be_gone:
            raise
        log.warning("No connection %s: the presentation ended with its cluster, and is not compared", HIVE)
        table, difference = compare(reports, *_stage(), None)
        tiers = "in the ERP and the stage"
    else:
        with warehouse:
            table, difference = compare(reports, *_stage(), warehouse.rows)
        tiers = "in the ERP, the stage and the presentation"
    for line in table.splitlines():
        log.info(line)
    if difference:
        raise AirflowFailException(str(LabError(difference, where="proof", fix="clear the whole run")))
    log.info("%s tables are equal %s", len(reports), tiers)


def erp_connection() -> Any:
    """A new session on the ERP. By psycopg2, as the unload streams COPY with it; the hook itself opens psycopg 3."""
    import psycopg2
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    uri = PostgresHook(postgres_conn_id=ERP, sqlalchemy_scheme="postgresql").get_uri()
    return psycopg2.connect(uri, connect_timeout=10, application_name="airflow unload")


def _stage() -> tuple[Any, str]:
    """The object store and the address of the stage in it."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.sdk import Variable

    from lakelab.s3 import S3Storage

    return S3Storage(S3Hook(aws_conn_id=AWS).conn), f"s3://{Variable.get('bucket_name')}/stage"


def _hive() -> Any:
    """HiveServer2, as its connection says: host, port, login, schema; in Extra, what else PyHive takes, as `auth`."""
    from airflow.sdk import BaseHook

    from lakelab.hiveserver2 import HiveServer2

    logging.getLogger("pyhive").setLevel(logging.WARNING)  # it would log every statement, and the proof's is long
    given = BaseHook.get_connection(HIVE)
    more = {**given.extra_dejson, **({"password": given.password} if given.password else {})}
    return HiveServer2(
        given.host, given.port or 10000, user=given.login or "hadoop", database=given.schema or "default", **more
    )


def _states_of(context: Context, task_ids: list[str]) -> dict[str, str | None]:
    """The states of other tasks of this run."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=task_ids, run_ids=[ti.run_id])
    found: dict[str, str | None] = states.get(ti.run_id, {})
    return found
