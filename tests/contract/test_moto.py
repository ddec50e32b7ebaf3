"""Where moto answers the same call, our answer has the same members: what runs on the one runs on the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
from endpoint import CORE, PRIMARY, Endpoint, command
from moto import mock_aws

CALLS = [
    "describe_cluster", "list_instance_groups", "list_instances", "list_steps", "list_bootstrap_actions",
    "list_clusters",
]  # fmt: skip
# What moto shows and AWS, by its documented answers, does not: of things that were not asked for, or of none.
MOTOS_OWN = {
    "Cluster.Applications[].Args", "Cluster.Applications[].AdditionalInfo",
    "InstanceGroups[].Name", "InstanceGroups[].Status.StateChangeReason.Code",
    "Instances[].InstanceFleetId", "Instances[].PublicIpAddress",
    "Instances[].EbsVolumes[].Device", "Instances[].EbsVolumes[].VolumeId",
}  # fmt: skip


def members(value: Any, path: str = "") -> Iterator[str]:
    """The path of each member in an answer."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name != "ResponseMetadata":
                yield f"{path}{name}"
                yield from members(member, f"{path}{name}.")
    elif isinstance(value, list):
        for member in value:
            yield from members(member, f"{path.removesuffix('.')}[].")


def answers(emr: Any, cluster: str) -> dict[str, set[str]]:
    request = {"ClusterId": cluster}
    found = {name: getattr(emr, name)(**({} if name == "list_clusters" else request)) for name in CALLS}
    (step,) = found["list_steps"]["Steps"]
    found["describe_step"] = emr.describe_step(StepId=step["Id"], **request)
    return {name: set(members(answer)) for name, answer in found.items()}


def request(aws: Endpoint) -> dict[str, Any]:
    return aws.request(
        instances={"InstanceGroups": [PRIMARY, CORE]},
        Steps=[command("true")],
        Tags=[{"Key": "a", "Value": "b"}],
        BootstrapActions=[{"Name": "b", "ScriptBootstrapAction": {"Path": aws.put("true.sh", "exit 0\n")}}],
        AutoTerminationPolicy={"IdleTimeout": 3600},
    )


def test_every_member_of_motos_answers_is_in_ours(aws: Endpoint) -> None:
    ours = request(aws)
    cluster = aws.emr.run_job_flow(**ours)["JobFlowId"]
    aws.started.append(cluster)
    aws.reach(cluster, "WAITING")
    here = answers(aws.emr, cluster)
    aws.terminate(cluster)

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    with mock_aws():
        moto = boto3.client("emr", **keys)
        there = answers(moto, moto.run_job_flow(**ours)["JobFlowId"])

    missing = {name: there[name] - here[name] - MOTOS_OWN for name in there}
    assert {name: sorted(paths) for name, paths in missing.items() if paths} == {}
