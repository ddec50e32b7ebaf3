"""The calls of Terraform's `aws_emr_cluster`, in its order and with what it sends: made, read, changed, destroyed.

The resource sends an empty text or list for most of what its configuration leaves out, replaces a cluster whose
description differs from its configuration, and knows no state but the ones that it waits for.
Source: hashicorp/terraform-provider-aws, internal/service/emr/cluster.go.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from endpoint import PATIENCE, RELEASE, Endpoint, refused
from polling import poll_until

TAGS = [{"Key": "Name", "Value": "terraform"}, {"Key": "team", "Value": "data"}]
SPARK = {"Classification": "spark-defaults", "Properties": {"spark.executor.cores": "2"}}
PENDING = {"STARTING", "BOOTSTRAPPING"}


def group(role: str, count: int) -> dict[str, Any]:
    """master_instance_group or core_instance_group, with an instance type and a count."""
    return {
        "InstanceCount": count, "InstanceRole": role, "InstanceType": "m5.xlarge", "Market": "ON_DEMAND", "Name": "",
        "EbsConfiguration": {"EbsBlockDeviceConfigs": []},
    }  # fmt: skip


def resource(aws: Endpoint, nodes: dict[str, Any]) -> dict[str, Any]:
    """What the resource makes of its configuration, without a subnet: the account's own network."""
    setup = {"Jar": "command-runner.jar", "Args": ["true"], "MainClass": "", "Properties": []}
    return {
        "Name": "terraform",
        "ReleaseLabel": RELEASE,
        "Applications": [{"Name": "Spark"}, {"Name": "Hadoop"}],
        "ServiceRole": "EMR_DefaultRole",
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "LogUri": f"s3://{aws.bucket}/terraform/",
        "VisibleToAllUsers": True,
        "StepConcurrencyLevel": 1,
        "Tags": TAGS,
        "Configurations": [SPARK],
        "Steps": [
            {"Name": "first", "ActionOnFailure": "CONTINUE", "HadoopJarStep": setup},
            {"Name": "second", "ActionOnFailure": "CONTINUE", "HadoopJarStep": setup},
        ],
        "Instances": {
            "KeepJobFlowAliveWhenNoSteps": True, "TerminationProtected": False, "UnhealthyNodeReplacement": False,
            "Ec2KeyName": "", "Ec2SubnetId": "", "Ec2SubnetIds": [], "EmrManagedMasterSecurityGroup": "",
            "EmrManagedSlaveSecurityGroup": "", "ServiceAccessSecurityGroup": "",
            "AdditionalMasterSecurityGroups": [""], "AdditionalSlaveSecurityGroups": [""], **nodes,
        },
    }  # fmt: skip


def read(aws: Endpoint, cluster: str, kind: str) -> dict[str, Any]:
    """All that the resource reads of a cluster, by operation; the list of the other kind of nodes is refused."""
    emr, by_id = aws.emr, {"ClusterId": cluster}
    other = {"InstanceGroups": emr.list_instance_fleets, "InstanceFleets": emr.list_instance_groups}[kind]
    refused(other, "InvalidRequestException", "mutually exclusive", **by_id)
    nodes = "list_instance_groups" if kind == "InstanceGroups" else "list_instance_fleets"
    pages = {
        name: [each for page in emr.get_paginator(name).paginate(**by_id) for each in page[member]]
        for name, member in ((nodes, kind), ("list_bootstrap_actions", "BootstrapActions"), ("list_steps", "Steps"))
    }
    policy = emr.get_auto_termination_policy(**by_id).get("AutoTerminationPolicy")
    return {"cluster": emr.describe_cluster(**by_id)["Cluster"], "nodes": pages[nodes], "policy": policy, **pages}


def created(aws: Endpoint, request: dict[str, Any]) -> str:
    """Run and wait as the resource does: a state that it does not await is an error to it."""
    cluster: str = aws.emr.run_job_flow(**request)["JobFlowId"]
    aws.started.append(cluster)

    def running() -> bool:
        state = aws.status(cluster)["State"]
        assert state in PENDING | {"RUNNING", "WAITING"}
        return state not in PENDING

    poll_until(running, f"{cluster} to run", PATIENCE)
    return cluster


def destroyed(aws: Endpoint, cluster: str) -> None:
    """End and wait as the resource does: right after the call it takes no state but these."""
    aws.emr.terminate_job_flows(JobFlowIds=[cluster])

    def over() -> bool:
        state = aws.status(cluster)["State"]
        assert state in {"TERMINATING", "TERMINATED"}
        return state == "TERMINATED"

    poll_until(over, f"{cluster} to end", PATIENCE)


@pytest.fixture(scope="module")
def cluster(aws: Endpoint) -> str:
    groups = {"InstanceGroups": [group("MASTER", 1), group("CORE", 2)]}
    return created(aws, resource(aws, groups))


def test_what_is_read_back_is_what_was_configured(aws: Endpoint, cluster: str) -> None:
    found = read(aws, cluster, "InstanceGroups")

    described = found["cluster"]
    assert described["Id"] == cluster
    expected = {
        "Name": "terraform", "ReleaseLabel": RELEASE, "ServiceRole": "EMR_DefaultRole", "VisibleToAllUsers": True,
        "TerminationProtected": False, "UnhealthyNodeReplacement": False, "StepConcurrencyLevel": 1,
        "Configurations": [SPARK], "AutoTerminate": False,
    }  # fmt: skip
    assert {name: described[name] for name in expected} == expected
    assert described["LogUri"].replace("s3n://", "s3://") == f"s3://{aws.bucket}/terraform/"
    assert {application["Name"] for application in described["Applications"]} == {"Spark", "Hadoop"}
    assert sorted(described["Tags"], key=lambda tag: str(tag["Key"])) == TAGS
    ec2 = described["Ec2InstanceAttributes"]
    assert ec2["IamInstanceProfile"] == "EMR_EC2_DefaultRole"
    # What differs from nothing would have the cluster replaced at the next apply.
    for name in ("SecurityConfiguration", "AutoScalingRole", "LogEncryptionKmsKeyId", "CustomAmiId"):
        assert not described.get(name), name
    for name in ("AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups"):
        assert not "".join(ec2.get(name, [])), name
    assert not ec2.get("Ec2KeyName")
    assert not described.get("KerberosAttributes", {}).get("Realm")
    assert not described.get("PlacementGroups")
    assert (found["policy"], found["list_bootstrap_actions"]) == (None, [])


def test_a_volume_size_that_was_not_asked_for_is_not_shown(aws: Endpoint, cluster: str) -> None:
    if not aws.ours:
        pytest.skip("AWS shows the size that its release has")
    assert "EbsRootVolumeSize" not in aws.emr.describe_cluster(ClusterId=cluster)["Cluster"]


def test_groups_and_steps_are_in_the_form_that_the_resource_keeps(aws: Endpoint, cluster: str) -> None:
    found = read(aws, cluster, "InstanceGroups")

    groups = {each["InstanceGroupType"]: each for each in found["nodes"]}
    assert set(groups) == {"MASTER", "CORE"}
    for role, count in (("MASTER", 1), ("CORE", 2)):
        assert groups[role]["RequestedInstanceCount"] == count
        assert groups[role]["InstanceType"] == "m5.xlarge"
        assert not groups[role].get("Name")
        assert not groups[role].get("BidPrice")
        assert "AutoScalingPolicy" not in groups[role]
    steps = [(step["Name"], step["ActionOnFailure"], step["Config"]) for step in reversed(found["list_steps"])]
    assert [(name, action) for name, action, _ in steps] == [("first", "CONTINUE"), ("second", "CONTINUE")]
    for _, _, config in steps:
        assert (config["Jar"], config["Args"]) == ("command-runner.jar", ["true"])
        assert not config.get("MainClass")
        assert not config.get("Properties")


def test_every_change_that_needs_no_new_cluster(aws: Endpoint, cluster: str) -> None:
    emr = aws.emr
    emr.remove_tags(ResourceId=cluster, TagKeys=["team"])
    emr.add_tags(ResourceId=cluster, Tags=[{"Key": "Name", "Value": "renamed"}])
    emr.set_visible_to_all_users(JobFlowIds=[cluster], VisibleToAllUsers=False)
    emr.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={"IdleTimeout": 7200})
    emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=True)
    emr.set_unhealthy_node_replacement(JobFlowIds=[cluster], UnhealthyNodeReplacement=True)
    emr.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=3)
    core = next(each for each in emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
                if each["InstanceGroupType"] == "CORE")  # fmt: skip
    emr.modify_instance_groups(InstanceGroups=[{"InstanceGroupId": core["Id"], "InstanceCount": 3}])

    def resized() -> dict[str, Any] | None:
        groups = emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
        found = next(each for each in groups if each["Id"] == core["Id"])
        assert found["Status"]["State"] in {"PROVISIONING", "BOOTSTRAPPING", "RESIZING", "RUNNING"}
        return found if found["Status"]["State"] == "RUNNING" else None

    assert poll_until(resized, "the core group to be resized", PATIENCE)["RequestedInstanceCount"] == 3
    found = read(aws, cluster, "InstanceGroups")
    described = found["cluster"]
    assert described["Tags"] == [{"Key": "Name", "Value": "renamed"}]
    switches = ("VisibleToAllUsers", "TerminationProtected", "UnhealthyNodeReplacement", "StepConcurrencyLevel")
    assert [described[name] for name in switches] == [False, True, True, 3]
    assert found["policy"] == {"IdleTimeout": 7200}

    emr.remove_auto_termination_policy(ClusterId=cluster)
    assert emr.get_auto_termination_policy(ClusterId=cluster).get("AutoTerminationPolicy") is None


def test_a_managed_scaling_policy_beside_the_cluster(aws: Endpoint, cluster: str) -> None:
    """`aws_emr_managed_scaling_policy`: put, read, removed; without one the answer lacks the member."""
    limits = {"UnitType": "Instances", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 4}
    aws.emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy={"ComputeLimits": limits})
    assert aws.emr.get_managed_scaling_policy(ClusterId=cluster)["ManagedScalingPolicy"]["ComputeLimits"] == limits
    aws.emr.remove_managed_scaling_policy(ClusterId=cluster)
    assert "ManagedScalingPolicy" not in aws.emr.get_managed_scaling_policy(ClusterId=cluster)


def test_a_protected_cluster_is_not_destroyed_and_an_unprotected_one_is(aws: Endpoint) -> None:
    request = resource(aws, {"InstanceGroups": [group("MASTER", 1)]})
    request["Instances"]["TerminationProtected"] = True
    kept = created(aws, request)

    with pytest.raises(ClientError, match="termination protected"):
        aws.emr.terminate_job_flows(JobFlowIds=[kept])

    aws.emr.set_termination_protection(JobFlowIds=[kept], TerminationProtected=False)
    destroyed(aws, kept)
    # To the resource a cluster that has ended is one that is not there: it is made anew.
    assert aws.status(kept)["State"] == "TERMINATED"
    words = "is not valid"
    refused(aws.emr.describe_cluster, "InvalidRequestException", words, ClusterId="j-0000000000000")
    refused(aws.emr.list_steps, "InvalidRequestException", words, ClusterId="j-0000000000000")


def test_a_cluster_of_fleets(aws: Endpoint) -> None:
    types = [{"InstanceType": "m5.xlarge", "BidPriceAsPercentageOfOnDemandPrice": 100.0, "WeightedCapacity": 1}]
    fleet = {"Name": "", "TargetOnDemandCapacity": 1, "TargetSpotCapacity": 0, "InstanceTypeConfigs": types}
    fleets = [{**fleet, "InstanceFleetType": role} for role in ("MASTER", "CORE")]
    cluster = created(aws, resource(aws, {"InstanceFleets": fleets}))

    found = {each["InstanceFleetType"]: each for each in read(aws, cluster, "InstanceFleets")["nodes"]}

    assert set(found) == {"MASTER", "CORE"}
    for each in found.values():
        assert (each["TargetOnDemandCapacity"], each["TargetSpotCapacity"]) == (1, 0)
        (kind,) = each["InstanceTypeSpecifications"]
        assert (kind["InstanceType"], kind["WeightedCapacity"]) == ("m5.xlarge", 1)
        assert kind["BidPriceAsPercentageOfOnDemandPrice"] == 100.0
        assert each["ProvisionedOnDemandCapacity"] == 1
    destroyed(aws, cluster)


def test_the_cluster_is_destroyed(aws: Endpoint, cluster: str) -> None:
    aws.emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
    destroyed(aws, cluster)
