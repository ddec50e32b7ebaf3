"""Auto-termination, managed scaling, tags, security configurations, and the account's block of public access."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any

import pytest
from endpoint import CORE, PRIMARY, Endpoint, refused
from polling import poll_until

LIMITS = {"UnitType": "Instances", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 4}
DOCUMENT = json.dumps(
    {"EncryptionConfiguration": {"EnableInTransitEncryption": False, "EnableAtRestEncryption": False}}
)


def scaling(**more: Any) -> dict[str, Any]:
    return {"ComputeLimits": {**LIMITS, **more}}


def test_an_auto_termination_policy_is_kept_changed_and_removed(aws: Endpoint) -> None:
    cluster, emr = aws.waiting(AutoTerminationPolicy={"IdleTimeout": 3600}), aws.emr

    def policy() -> dict[str, Any] | None:
        found: dict[str, Any] | None = emr.get_auto_termination_policy(ClusterId=cluster).get("AutoTerminationPolicy")
        return found

    assert policy() == {"IdleTimeout": 3600}
    emr.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={"IdleTimeout": 7200})
    assert policy() == {"IdleTimeout": 7200}
    for seconds in (59, 604801):
        refused(
            emr.put_auto_termination_policy, "ValidationException", "Member must have value", ClusterId=cluster,
            AutoTerminationPolicy={"IdleTimeout": seconds},
        )  # fmt: skip
    emr.remove_auto_termination_policy(ClusterId=cluster)
    assert policy() is None
    emr.remove_auto_termination_policy(ClusterId=cluster)
    aws.terminate(cluster)


def test_a_managed_scaling_policy_is_kept_changed_and_removed(aws: Endpoint) -> None:
    cluster, emr = aws.waiting(ManagedScalingPolicy=scaling(), instances={"InstanceGroups": [PRIMARY, CORE]}), aws.emr

    def limits() -> dict[str, Any] | None:
        policy = emr.get_managed_scaling_policy(ClusterId=cluster).get("ManagedScalingPolicy")
        return policy and dict(policy["ComputeLimits"])

    assert limits() == LIMITS
    emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=scaling(MaximumCapacityUnits=9))
    assert limits() == {**LIMITS, "MaximumCapacityUnits": 9}
    emr.remove_managed_scaling_policy(ClusterId=cluster)
    assert limits() is None
    aws.terminate(cluster)


def test_a_policy_brings_the_nodes_within_its_limits(aws: Endpoint) -> None:
    cluster, emr = aws.waiting(instances={"InstanceGroups": [PRIMARY, CORE]}), aws.emr
    most = CORE["InstanceCount"] + 2

    def core() -> tuple[int, int, str]:
        listed = emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
        group = next(group for group in listed if group["InstanceGroupType"] == "CORE")
        return group["RequestedInstanceCount"], group["RunningInstanceCount"], group["Status"]["State"]

    limits = scaling(MinimumCapacityUnits=most, MaximumCapacityUnits=most)
    emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=limits)

    poll_until(lambda: core() == (most, most, "RUNNING"), "the least of the policy", 900)
    aws.terminate(cluster)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"MinimumCapacityUnits": 5}, "The min capacity cannot be higher than max capacity"),
        ({"MinimumCapacityUnits": 0}, "at least 1"),
        ({"MaximumCoreCapacityUnits": 5}, "The max Core capacity cannot be higher than max capacity"),
        ({"MaximumOnDemandCapacityUnits": 5}, "The max On-Demand capacity cannot be higher than max capacity"),
        ({"UnitType": "InstanceFleetUnits"}, "InstanceFleetUnits"),
    ],
)
def test_what_cannot_be_a_scaling_policy(aws: Endpoint, standing: str, more: dict[str, Any], words: str) -> None:
    refused(
        aws.emr.put_managed_scaling_policy, "InvalidRequestException", words, ClusterId=standing,
        ManagedScalingPolicy=scaling(**more),
    )  # fmt: skip
    refused(
        aws.emr.run_job_flow, "ValidationException", "Invalid configuration for managed scaling.",
        **aws.request(ManagedScalingPolicy=scaling(**more)),
    )  # fmt: skip


def test_policies_of_a_cluster_that_is_over(aws: Endpoint, ended: str) -> None:
    refused(
        aws.emr.put_auto_termination_policy, "InvalidRequestException", "may not be modified", ClusterId=ended,
        AutoTerminationPolicy={"IdleTimeout": 60},
    )  # fmt: skip
    refused(
        aws.emr.put_managed_scaling_policy, "InvalidRequestException", "may not be modified", ClusterId=ended,
        ManagedScalingPolicy=scaling(),
    )  # fmt: skip


def test_tags_are_added_replaced_and_removed(aws: Endpoint) -> None:
    cluster, emr = aws.waiting(Tags=[{"Key": "a", "Value": "1"}]), aws.emr

    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in emr.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]}

    emr.add_tags(ResourceId=cluster, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    assert tags() == {"a": "2", "b": ""}
    emr.remove_tags(ResourceId=cluster, TagKeys=["a", "none"])
    assert tags() == {"b": ""}
    kind, add = "InvalidRequestException", emr.add_tags
    refused(add, kind, "between 1 and 128 characters", ResourceId=cluster, Tags=[{"Key": "k" * 129}])
    refused(add, kind, "256 characters", ResourceId=cluster, Tags=[{"Key": "k", "Value": "v" * 257}])
    refused(add, kind, "Cluster id 'j-NONE' is not valid.", ResourceId="j-NONE", Tags=[{"Key": "k"}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    refused(add, kind, "50 tags", ResourceId=cluster, Tags=many)
    assert tags() == {"b": ""}
    aws.terminate(cluster)
    aws.reach(cluster, "TERMINATED")
    refused(add, kind, "Tags cannot be modified on terminated clusters.", ResourceId=cluster, Tags=[{"Key": "k"}])


def test_a_security_configuration_from_creation_to_its_end(aws: Endpoint) -> None:
    name, emr, kind = f"contract-{token_hex(4)}", aws.emr, "InvalidRequestException"
    made = emr.create_security_configuration(Name=name, SecurityConfiguration=DOCUMENT)
    assert made["Name"] == name

    refused(emr.create_security_configuration, kind, "already exists", Name=name, SecurityConfiguration=DOCUMENT)
    found = emr.describe_security_configuration(Name=name)
    assert found["SecurityConfiguration"] == DOCUMENT
    assert found["CreationDateTime"] == made["CreationDateTime"]
    listed = [
        each["Name"]
        for page in emr.get_paginator("list_security_configurations").paginate()
        for each in page["SecurityConfigurations"]
    ]
    assert name in listed
    cluster = aws.run(SecurityConfiguration=name)
    assert emr.describe_cluster(ClusterId=cluster)["Cluster"]["SecurityConfiguration"] == name
    aws.terminate(cluster)
    emr.delete_security_configuration(Name=name)
    missing = f"Security configuration with name '{name}' does not exist."
    refused(emr.describe_security_configuration, kind, missing, Name=name)
    refused(emr.delete_security_configuration, kind, missing, Name=name)
    refused(emr.create_security_configuration, kind, "JSON", Name=name, SecurityConfiguration="{")


def test_lists_of_names_come_in_pages(aws: Endpoint) -> None:
    if not aws.ours:
        pytest.skip("makes 55 security configurations in the account")
    names = [f"page-{number:02}" for number in range(55)]
    for name in names:
        aws.emr.create_security_configuration(Name=name, SecurityConfiguration=DOCUMENT)
    first = aws.emr.list_security_configurations()
    assert len(first["SecurityConfigurations"]) == 50
    second = aws.emr.list_security_configurations(Marker=first["Marker"])
    found = [each["Name"] for each in (*first["SecurityConfigurations"], *second["SecurityConfigurations"])]
    assert [name for name in found if name in names] == names
    refused(aws.emr.list_security_configurations, "InvalidRequestException", "Marker", Marker="nowhere")
    for name in names:
        aws.emr.delete_security_configuration(Name=name)


def test_public_access_is_blocked(aws: Endpoint) -> None:
    found = aws.emr.get_block_public_access_configuration()
    assert found["BlockPublicAccessConfiguration"]["BlockPublicSecurityGroupRules"] is True
    assert found["BlockPublicAccessConfigurationMetadata"]["CreatedByArn"].startswith("arn:aws:iam::")
