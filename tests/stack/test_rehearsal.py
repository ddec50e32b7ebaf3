"""`make rehearse`: the files that deploy the platform to AWS, applied to this stack, used, and taken away."""

from __future__ import annotations

from typing import Any

from live import DAG, Live
from rehearsal import BUCKET, Rehearsed, alive, variables


def test_it_goes_from_init_to_destroy_and_tells_each_part(rehearsed: Rehearsed) -> None:
    parts = ("init", "plan", "apply", f"{DAG} on j-", "plan again: no change", "destroy", "nothing is left")
    told = [line for line in rehearsed.said.splitlines() if line.startswith("✓ ")]
    assert all(any(line.startswith(f"✓ {part}") for line in told) for part in parts)
    assert "✗" not in rehearsed.said


def cluster_of(live: Live) -> dict[str, Any]:
    emr = live.stack.aws("emr")
    named = [c for c in emr.list_clusters()["Clusters"] if c["Name"] == "lakelab-rehearsal"]
    return dict(emr.describe_cluster(ClusterId=named[0]["Id"])["Cluster"])


def test_the_pipeline_ran_on_the_cluster_that_terraform_made(live: Live, rehearsed: Rehearsed) -> None:
    cluster = cluster_of(live)
    assert cluster["Id"] not in rehearsed.clusters
    assert f"{DAG} on {cluster['Id']}" in rehearsed.said
    steps = live.stack.aws("emr").list_steps(ClusterId=cluster["Id"])["Steps"]
    assert {step["Status"]["State"] for step in steps} == {"COMPLETED"}
    assert len(steps) == 15
    last = live.stack.airflow.last_run(DAG)
    assert last
    assert last["state"] == "success"


def test_nothing_of_it_is_left(live: Live, rehearsed: Rehearsed) -> None:
    assert cluster_of(live)["Status"]["State"] == "TERMINATED"
    assert alive(live) == rehearsed.clusters
    assert BUCKET not in {bucket["Name"] for bucket in live.stack.aws("s3").list_buckets()["Buckets"]}
    roles = {role["RoleName"] for role in live.stack.aws("iam").list_roles()["Roles"]}
    assert not {role for role in roles if role.startswith("lakelab-rehearsal")}
    vpcs = live.stack.aws("ec2").describe_vpcs(Filters=[{"Name": "tag:project", "Values": ["lakelab-rehearsal"]}])
    assert vpcs["Vpcs"] == []


def test_airflow_goes_on_with_the_stack_s_own_cluster(live: Live, rehearsed: Rehearsed) -> None:
    assert variables(live) == rehearsed.variables


def test_the_report_tells_what_was_executed_and_what_was_only_remembered(rehearsed: Rehearsed) -> None:
    text = " ".join(rehearsed.said.split())
    assert "EMR: cluster" in text
    assert "executed: started; 1 bootstrap action and 15 steps ran" in text
    assert "remembered: by moto: no packet meets it" in text
