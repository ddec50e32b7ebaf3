"""
### The ERP into the warehouse, by a cluster that lives as long as its steps

The same as `unload_erp`, without a standing cluster: unloads the eleven tables to `s3://<bucket_name>/stage`, starts an
EMR cluster that has its steps from the beginning (`dags/EMR/transient_cluster.json`: the setup's, then those of
`dags/EMR/steps.json`), waits until it has ended by itself, and compares every table. A cluster costs only while it
works; on AWS it takes some minutes to start.

| what | name |
|---|---|
| connections | `5DATA-ERP` (Postgres), `aws_default` (S3 and EMR), `hiveserver2_default` (Hive; see below) |
| variables | `bucket_name`, `emr_poll_seconds` (between two questions to EMR; 30 if not set) |
| for the cluster | `emr_release_label` (emr-7.13.0), `emr_instance_type` (m5.xlarge), `emr_subnet_id` (AWS's choice) |
| and its roles | `emr_service_role` (EMR_DefaultRole), `emr_instance_profile` (EMR_EC2_DefaultRole) |
| and what guards it | `emr_security_configuration`, `emr_primary_security_group`, `emr_core_security_group` (none) |
| schedule | none: trigger it, but not while `unload_erp` runs, which has the same stage |
| parameters | `scale`: go on only if the ERP has that many students; `date`: the day that the run stands for |

On the laptop and on AWS this is the same file: only connections and variables differ. In the lab HDFS and Hive outlive
the cluster, and the proof reads them. On AWS they end with it: leave `hiveserver2_default` out there, and the proof
compares the ERP with the stage. What shall last has to be written to S3 by a step.

**Nothing is left behind.** `terminate_cluster` is the cluster's teardown: it runs whenever the cluster was started,
however the rest ended, and to end a cluster that has ended is no error. What remains are the logs of its steps.

**When a task is red**, its log ends with what went wrong and what to do. Clearing a task that waits for the cluster
starts a new one, with all steps.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.providers.amazon.aws.operators.emr import EmrCreateJobFlowOperator, EmrTerminateJobFlowOperator
from airflow.sdk import DAG, task

from lakelab.airflow_steps import AWS, cluster_sensor, step_sensors
from lakelab.airflow_unload import PROVE_ADVICE, default_args, parameters, prove, unload

ADVICE = {
    "create_cluster": "read what EMR refuses: roles, release label, instance type and subnet are Airflow's variables"
    " emr_…; mend it, then clear this task.",
    "step": "read the step's own logs: in s3://<bucket_name>/<cluster>/steps/<step>/, or by `lab emr logs <step>`; mend"
    " it, then clear create_cluster with what follows.",
    "cluster_ended": "the cluster's reason is above; mend it, then clear create_cluster with what follows.",
    "terminate_cluster": "the cluster may still live, and cost: end it by `aws emr terminate-clusters`.",
    "prove": PROVE_ADVICE,
}

with DAG(
    "transient_unload_erp",
    description="The school's ERP into the Hive warehouse, by an EMR cluster of the run's own",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    # A trigger by hand runs at once, without a switch to find first.
    is_paused_upon_creation=False,
    tags=["erp", "emr", "hive", "pipeline 1"],
    params=parameters(),
    default_args=default_args(ADVICE),
    dagrun_timeout=timedelta(hours=6),
) as dag:
    unloaded = unload(Path(__file__).parent / "scripts")

    create_cluster = EmrCreateJobFlowOperator(
        task_id="create_cluster",
        aws_conn_id=AWS,
        emr_conn_id=None,
        job_flow_overrides="EMR/transient_cluster.json",
        # EMR has no way to tell a second request from the first: after a lost answer there would be two clusters.
        retries=0,
        doc_md="Starts the cluster of `dags/EMR/transient_cluster.json`, which begins with its steps.",
    )

    @task(doc_md="The ids of the cluster's steps, in the order in which they run.")
    def list_steps(cluster: str) -> list[str]:
        from airflow.providers.amazon.aws.hooks.emr import EmrHook

        pages = EmrHook(aws_conn_id=AWS).conn.get_paginator("list_steps").paginate(ClusterId=cluster)
        return [step["Id"] for page in pages for step in page["Steps"]][::-1]

    cluster = create_cluster.output
    steps = list_steps(cluster)
    step = step_sensors(cluster, steps)
    ended = cluster_sensor("cluster_ended", cluster)
    terminate_cluster = EmrTerminateJobFlowOperator(
        task_id="terminate_cluster",
        aws_conn_id=AWS,
        job_flow_id=cluster,
        deferrable=False,  # deferred, it would call a cluster that ended with errors one that it could not end
        doc_md="Ends the cluster if it lives: after a failure, or when the run was ended by hand.",
    ).as_teardown(setups=create_cluster, on_failure_fail_dagrun=True)

    unloaded.manifest >> create_cluster >> [steps, ended]
    [step, ended] >> terminate_cluster
    [step, ended] >> prove(unloaded.reports, warehouse_may_be_gone=True)
