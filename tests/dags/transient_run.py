"""Runs inside the Airflow image, beside an EMR endpoint: a run of `transient_unload_erp` from the cluster's start on.

The unload and the proof are taken for done. Says as JSON how each task ended, what was told, and what EMR has now.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys

sys.path.insert(0, os.environ["AIRFLOW__CORE__DAGS_FOLDER"])

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.utils.db import initdb
from transient_unload_erp import dag

TAKEN_FOR_DONE = re.compile("hold_snapshot|snapshot_ready|unload_[a-z]+|write_manifest|prove")

log = io.StringIO()
with contextlib.redirect_stdout(log):
    initdb()
    run = dag.test(mark_success_pattern=TAKEN_FOR_DONE)
    emr = EmrHook(aws_conn_id="aws_default").conn
tasks: dict[str, list[str]] = {}
for ti in run.get_task_instances():
    tasks.setdefault(ti.task_id, []).append(str(ti.state))
(cluster,) = emr.list_clusters()["Clusters"]
steps = emr.list_steps(ClusterId=cluster["Id"])["Steps"][::-1]
answer = {
    "run": run.state,
    "tasks": tasks,
    "cluster": emr.describe_cluster(ClusterId=cluster["Id"])["Cluster"]["Status"],
    "steps": [[step["Name"], step["Status"]["State"]] for step in steps],
    "log": log.getvalue(),
}
print(json.dumps(answer, default=str))
