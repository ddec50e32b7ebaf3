"""A cluster's nodes are its share of YARN: what does not fit waits, and managed scaling makes room for it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from jobs import Put
from live import PATIENCE, Live
from polling import poll_until

WORKER = 3584  # MB for containers (services/hadoop/conf/hadoop/yarn-site.properties)
# Ends when it has both of its executors. One fits on a worker beside the application's master, two do not.
JOB = """
import sys, time
from pyspark import SparkContext
context, until = SparkContext(), time.monotonic() + 300
while context._jsc.sc().getExecutorMemoryStatus().size() < 3:
    if time.monotonic() > until:
        sys.exit("one executor did not come")
    time.sleep(0.2)
"""
SIZE = ["--num-executors", "2", "--executor-memory", "1200m", "--queue", "default"]
NODES = [
    {"InstanceRole": role, "InstanceType": "m5.xlarge", "InstanceCount": 1, "Name": role} for role in ("MASTER", "CORE")
]
REQUEST = {
    "Name": "shares",
    "ReleaseLabel": "emr-7.13.0",
    "Instances": {"InstanceGroups": NODES, "KeepJobFlowAliveWhenNoSteps": True},
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}
LIMITS = {"UnitType": "Instances", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 2}


def yarn(live: Live, path: str) -> Any:
    address = f"http://127.0.0.1:{live.stack.environment['YARN_PORT']}/ws/v1/cluster/{path}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


def workers(live: Live) -> int:
    return int(yarn(live, "metrics")["clusterMetrics"]["activeNodes"])


def queue_of(live: Live, cluster: str) -> dict[str, Any]:
    """The queue of a cluster as YARN's scheduler has it; empty when there is none."""
    queues = yarn(live, "scheduler")["scheduler"]["schedulerInfo"]["queues"]["queue"]
    return next((each for each in queues if each["queueName"] == cluster.lower()), {})


def core_of(live: Live, cluster: str) -> tuple[str, int, int]:
    """The state of the core group, and its nodes as asked for and as they are."""
    groups = live.stack.aws("emr").list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    core = next(group for group in groups if group["InstanceGroupType"] == "CORE")
    return core["Status"]["State"], core["RequestedInstanceCount"], core["RunningInstanceCount"]


def test_what_does_not_fit_into_a_cluster_waits_until_it_is_scaled(live: Live, job: Put) -> None:
    if workers(live) < 2:  # they are left of the tests before
        live.up("--workers", "2")
    poll_until(lambda: workers(live) == 2, "two workers", 120)
    emr, script = live.stack.aws("emr"), job("tests/shares.py", JOB)
    cluster = str(emr.run_job_flow(**REQUEST)["JobFlowId"])
    step = {"Name": "two executors", "ActionOnFailure": "CONTINUE"}
    runs = {"Jar": "command-runner.jar", "Args": ["spark-submit", *SIZE, script]}
    (step_id,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[{**step, "HadoopJarStep": runs}])["StepIds"]

    def waits() -> bool:
        queue = queue_of(live, cluster)
        return bool(queue and queue["numContainers"] == 2 and queue["pendingContainers"])

    poll_until(waits, "an executor that does not fit", PATIENCE)
    assert queue_of(live, cluster)["maxCapacity"] == 50.0
    assert WORKER // 2 < queue_of(live, cluster)["resourcesUsed"]["memory"] <= WORKER
    assert core_of(live, cluster) == ("RUNNING", 1, 1)

    emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy={"ComputeLimits": LIMITS})

    poll_until(lambda: core_of(live, cluster) == ("RUNNING", 2, 2), "a second core node", 60)
    assert queue_of(live, cluster)["maxCapacity"] == 100.0
    (done,) = live.stack.emr.wait_for_steps(cluster, [step_id])
    assert done["Status"]["State"] == "COMPLETED", done
    emr.terminate_job_flows(JobFlowIds=[cluster])
    poll_until(lambda: not queue_of(live, cluster), "the end of the queue", 60)
