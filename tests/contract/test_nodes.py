"""Instance groups, instance fleets and instances: listed, added, resized."""

from __future__ import annotations

import re
from typing import Any

import pytest
from endpoint import CORE, PRIMARY, Endpoint, refused
from polling import poll_until

TASK = {"InstanceRole": "TASK", "InstanceType": "m5.2xlarge", "InstanceCount": 1, "Market": "SPOT", "Name": "extra"}
TYPES = [{"InstanceType": "m5.xlarge", "WeightedCapacity": 2}]
FLEETS = [
    {
        "InstanceFleetType": "MASTER",
        "TargetOnDemandCapacity": 1,
        "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
    },
    {"InstanceFleetType": "CORE", "TargetOnDemandCapacity": 3, "TargetSpotCapacity": 2, "InstanceTypeConfigs": TYPES},
]
EXCLUSIVE = "Instance fleets and instance groups are mutually exclusive."


@pytest.fixture(scope="module")
def grouped(aws: Endpoint) -> str:
    return aws.waiting(instances={"InstanceGroups": [PRIMARY, CORE]})


@pytest.fixture(scope="module")
def fleeted(aws: Endpoint) -> str:
    return aws.waiting(instances={"InstanceFleets": FLEETS})


def groups(aws: Endpoint, cluster: str) -> dict[str, dict[str, Any]]:
    return {group["Id"]: group for group in aws.emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]}


def group_of(aws: Endpoint, cluster: str, role: str) -> dict[str, Any]:
    return next(group for group in groups(aws, cluster).values() if group["InstanceGroupType"] == role)


def running(aws: Endpoint, cluster: str, **by: Any) -> list[dict[str, Any]]:
    answer = aws.emr.list_instances(ClusterId=cluster, InstanceStates=["RUNNING"], **by)
    return list(answer["Instances"])


def test_groups_and_their_instances(aws: Endpoint, grouped: str) -> None:
    primary, core = (group_of(aws, grouped, role) for role in ("MASTER", "CORE"))

    assert re.fullmatch(r"ig-[A-Z0-9]{12,13}", primary["Id"])
    assert (primary["InstanceType"], primary["Market"], primary["RequestedInstanceCount"]) == (
        "m5.xlarge",
        "ON_DEMAND",
        1,
    )
    assert primary["Status"]["State"] == "RUNNING"
    assert primary["Status"]["Timeline"].keys() >= {"CreationDateTime", "ReadyDateTime"}
    of_core = running(aws, grouped, InstanceGroupTypes=["CORE"])
    assert len(of_core) == core["RequestedInstanceCount"]
    assert {one["InstanceGroupId"] for one in of_core} == {core["Id"]}
    assert of_core == running(aws, grouped, InstanceGroupId=core["Id"])
    assert all(re.fullmatch(r"i-[0-9a-f]{17}", one["Ec2InstanceId"]) for one in of_core)
    assert len({one["PrivateIpAddress"] for one in of_core}) == len(of_core)


def test_volumes_are_shown_one_by_one(aws: Endpoint) -> None:
    disk = {"VolumeType": "gp3", "SizeInGB": 64}
    ebs = {"EbsBlockDeviceConfigs": [{"VolumeSpecification": disk, "VolumesPerInstance": 2}], "EbsOptimized": True}
    cluster = aws.waiting(instances={"InstanceGroups": [{**PRIMARY, "EbsConfiguration": ebs}]})
    primary = group_of(aws, cluster, "MASTER")
    assert [device["VolumeSpecification"] for device in primary["EbsBlockDevices"]] == [disk, disk]
    assert len({device["Device"] for device in primary["EbsBlockDevices"]}) == 2
    assert primary["EbsOptimized"] is True
    aws.terminate(cluster)


def test_a_group_is_added_resized_and_emptied(aws: Endpoint) -> None:
    cluster = aws.waiting(instances={"InstanceGroups": [PRIMARY, CORE]})
    answer = aws.emr.add_instance_groups(JobFlowId=cluster, InstanceGroups=[TASK])
    (task,) = answer["InstanceGroupIds"]
    assert answer["JobFlowId"] == cluster
    assert answer["ClusterArn"].endswith(cluster)
    poll_until(lambda: len(running(aws, cluster, InstanceGroupId=task)) == 1, "the task node", 900)

    def resize(group: str, **more: Any) -> None:
        aws.emr.modify_instance_groups(ClusterId=cluster, InstanceGroups=[{"InstanceGroupId": group, **more}])

    core = group_of(aws, cluster, "CORE")["Id"]
    resize(core, InstanceCount=4)
    poll_until(lambda: len(running(aws, cluster, InstanceGroupId=core)) == 4, "four core nodes", 900)
    victim = running(aws, cluster, InstanceGroupId=core)[0]["Ec2InstanceId"]
    resize(core, EC2InstanceIdsToTerminate=[victim])
    poll_until(lambda: len(running(aws, cluster, InstanceGroupId=core)) == 3, "three core nodes", 900)
    assert victim not in {one["Ec2InstanceId"] for one in running(aws, cluster)}
    gone = next(i for i in aws.emr.list_instances(ClusterId=cluster)["Instances"] if i["Ec2InstanceId"] == victim)
    assert gone["Status"]["State"] == "TERMINATED"
    # Without the cluster's id, as the first version of the operation had it.
    aws.emr.modify_instance_groups(InstanceGroups=[{"InstanceGroupId": task, "InstanceCount": 0}])
    poll_until(lambda: not running(aws, cluster, InstanceGroupId=task), "no task nodes", 900)
    aws.terminate(cluster)


def test_fleets_and_their_instances(aws: Endpoint, fleeted: str) -> None:
    fleets = {f["InstanceFleetType"]: f for f in aws.emr.list_instance_fleets(ClusterId=fleeted)["InstanceFleets"]}
    core = fleets["CORE"]
    assert aws.emr.describe_cluster(ClusterId=fleeted)["Cluster"]["InstanceCollectionType"] == "INSTANCE_FLEET"
    assert core["Status"]["State"] == "RUNNING"
    assert (core["TargetOnDemandCapacity"], core["TargetSpotCapacity"]) == (3, 2)
    assert (core["ProvisionedOnDemandCapacity"], core["ProvisionedSpotCapacity"]) == (4, 2)
    assert core["InstanceTypeSpecifications"][0]["WeightedCapacity"] == 2
    nodes = running(aws, fleeted, InstanceFleetId=core["Id"])
    assert sorted(node["Market"] for node in nodes) == ["ON_DEMAND", "ON_DEMAND", "SPOT"]
    assert len(running(aws, fleeted, InstanceFleetType="MASTER")) == 1


def test_a_fleet_is_added_and_resized(aws: Endpoint) -> None:
    cluster = aws.waiting(instances={"InstanceFleets": FLEETS})
    fleet = {"InstanceFleetType": "TASK", "TargetSpotCapacity": 2, "InstanceTypeConfigs": TYPES, "Name": "extra"}
    answer = aws.emr.add_instance_fleet(ClusterId=cluster, InstanceFleet=fleet)
    added = answer["InstanceFleetId"]
    assert re.fullmatch(r"if-[A-Z0-9]{12,13}", added)
    refused(
        aws.emr.add_instance_fleet,
        "InvalidRequestException",
        "task instance fleet",
        ClusterId=cluster,
        InstanceFleet=fleet,
    )
    poll_until(lambda: running(aws, cluster, InstanceFleetId=added), "the task fleet", 900)

    change = {"InstanceFleetId": added, "TargetOnDemandCapacity": 4, "TargetSpotCapacity": 0}
    aws.emr.modify_instance_fleet(ClusterId=cluster, InstanceFleet=change)

    def markets() -> list[str]:
        return [node["Market"] for node in running(aws, cluster, InstanceFleetId=added)]

    poll_until(lambda: markets() == ["ON_DEMAND", "ON_DEMAND"], "the other market", 900)
    aws.terminate(cluster)


def test_groups_and_fleets_exclude_each_other(aws: Endpoint, grouped: str, fleeted: str) -> None:
    emr, kind = aws.emr, "InvalidRequestException"
    fleet = {"InstanceFleetType": "TASK", "TargetSpotCapacity": 1, "InstanceTypeConfigs": TYPES}
    refused(emr.list_instance_fleets, kind, EXCLUSIVE, ClusterId=grouped)
    refused(emr.list_instance_groups, kind, EXCLUSIVE, ClusterId=fleeted)
    refused(emr.add_instance_fleet, kind, EXCLUSIVE, ClusterId=grouped, InstanceFleet=fleet)
    refused(emr.list_instances, kind, EXCLUSIVE, ClusterId=fleeted, InstanceGroupTypes=["CORE"])
    both = aws.request(instances={"InstanceGroups": [PRIMARY], "InstanceFleets": FLEETS})
    refused(emr.run_job_flow, "ValidationException", "one and only one of the following", **both)


NO_GROUPS = [
    ([], "Zero master instance groups supplied"),
    ([CORE], "Zero master instance groups supplied"),
    ([PRIMARY, PRIMARY], "Multiple master instance groups supplied"),
    ([PRIMARY, CORE, CORE], "Multiple core instance groups supplied"),
    ([PRIMARY, TASK], "Clusters with task nodes must also define core nodes."),
    ([PRIMARY, {**CORE, "InstanceCount": 0}], "An instance group must have at least one instance"),
    ([{**PRIMARY, "InstanceCount": 2}], "Master instance group must have exactly 3 instances for HA clusters."),
    ([{**PRIMARY, "InstanceType": "m5.enormous"}], "Instance type 'm5.enormous' is not supported."),
    ([PRIMARY, {**CORE, "BidPrice": "0.1"}], "Attempted to set bid price for on demand instance group."),
    (
        [PRIMARY, {**CORE, "Market": "SPOT", "BidPrice": "cheap"}],
        "The bid price supplied for an instance group is invalid",
    ),
    ([PRIMARY, {**CORE, "Market": "SPOT", "BidPrice": "0.0"}], "The bid price is negative or zero."),
    ([PRIMARY, {**CORE, "Market": "SPOT", "BidPrice": "0.1234"}], "No more than 3 digits are allowed"),
]


@pytest.mark.parametrize(("given", "words"), NO_GROUPS)
def test_what_cannot_be_the_groups_of_a_cluster(aws: Endpoint, given: list[dict[str, Any]], words: str) -> None:
    request = aws.request(instances={"InstanceGroups": given})
    refused(aws.emr.run_job_flow, "ValidationException", words, **request)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (FLEETS[1:], "Zero master instance fleets supplied"),
        ([{**FLEETS[0], "TargetOnDemandCapacity": 2}], "exactly one instance"),
        ([FLEETS[0], {**FLEETS[1], "InstanceTypeConfigs": []}], "at least one instance type"),
        ([FLEETS[0], {**FLEETS[1], "InstanceTypeConfigs": [{"InstanceType": "x"}]}], "Instance type 'x'"),
    ],
)
def test_what_cannot_be_the_fleets_of_a_cluster(aws: Endpoint, given: list[dict[str, Any]], words: str) -> None:
    request = aws.request(instances={"InstanceFleets": given})
    refused(aws.emr.run_job_flow, "ValidationException", words, **request)


def test_a_count_and_two_types_make_groups(aws: Endpoint) -> None:
    counted = {"MasterInstanceType": "m5.xlarge", "SlaveInstanceType": "m5.2xlarge", "InstanceCount": 3}
    cluster = aws.waiting(instances=counted)
    core = group_of(aws, cluster, "CORE")
    assert (core["InstanceType"], core["RequestedInstanceCount"]) == ("m5.2xlarge", 2)
    aws.terminate(cluster)


def test_three_primary_nodes_stay_and_are_protected(aws: Endpoint) -> None:
    high = {"InstanceGroups": [{**PRIMARY, "InstanceCount": 3}, CORE]}
    cluster = aws.run(instances=high, keep=False)
    found = aws.emr.describe_cluster(ClusterId=cluster)["Cluster"]
    assert (found["AutoTerminate"], found["TerminationProtected"]) == (False, True)
    aws.terminate(cluster)


def test_what_cannot_be_done_to_a_group(aws: Endpoint, grouped: str) -> None:
    modify, kind = aws.emr.modify_instance_groups, "ValidationException"
    primary, core = (group_of(aws, grouped, role)["Id"] for role in ("MASTER", "CORE"))

    def change(group: str, **more: Any) -> dict[str, Any]:
        return {"ClusterId": grouped, "InstanceGroups": [{"InstanceGroupId": group, **more}]}

    refused(modify, kind, "Instance group id 'ig-NONE' is not valid.", **change("ig-NONE", InstanceCount=1))
    refused(modify, kind, "master instance group", **change(primary, InstanceCount=2))
    refused(modify, kind, "at least 1", **change(core, InstanceCount=0))
    refused(modify, kind, "Instance id 'i-0' is not valid", **change(core, EC2InstanceIdsToTerminate=["i-0"]))
    odd = [{"Classification": "oddities"}]
    refused(modify, kind, "Classification 'oddities' is not valid", **change(core, Configurations=odd))
    refused(aws.emr.add_instance_groups, kind, "Only task instance groups", JobFlowId=grouped, InstanceGroups=[CORE])
    refused(
        aws.emr.list_instances, "InvalidRequestException", "Instance group id 'ig-NONE' is not valid.",
        ClusterId=grouped, InstanceGroupId="ig-NONE",
    )  # fmt: skip
    slow = aws.put("sleeps.sh", "#!/bin/bash\nsleep 600\n")
    young = aws.run(
        instances={"InstanceGroups": [PRIMARY, CORE]},
        BootstrapActions=[{"Name": "slow", "ScriptBootstrapAction": {"Path": slow}}],
    )
    group = group_of(aws, young, "CORE")["Id"]
    refused(
        modify, kind, "An instance group may only be modified when the cluster is running or waiting",
        ClusterId=young, InstanceGroups=[{"InstanceGroupId": group, "InstanceCount": 3}],
    )  # fmt: skip
    aws.terminate(young)


def test_instances_end_with_their_cluster(aws: Endpoint, ended: str) -> None:
    (group,) = groups(aws, ended).values()
    assert group["Status"]["State"] == "TERMINATED"
    assert group["RunningInstanceCount"] == 0
    assert running(aws, ended) == []
    (instance,) = aws.emr.list_instances(ClusterId=ended, InstanceStates=["TERMINATED"])["Instances"]
    assert instance["Status"]["Timeline"]["EndDateTime"] >= instance["Status"]["Timeline"]["CreationDateTime"]


def test_a_group_can_be_reconfigured(aws: Endpoint, grouped: str) -> None:
    core = group_of(aws, grouped, "CORE")["Id"]
    first = {"Classification": "yarn-site", "Properties": {"yarn.nodemanager.vmem-check-enabled": "false"}}
    more = {"Classification": "yarn-site", "Properties": {"yarn.log-aggregation-enable": "true"}}
    change = {"InstanceGroupId": core, "Configurations": [first]}
    aws.emr.modify_instance_groups(ClusterId=grouped, InstanceGroups=[change])
    poll_until(lambda: group_of(aws, grouped, "CORE")["Configurations"] == [first], "the configuration", 900)
    merge = {"InstanceGroupId": core, "Configurations": [more], "ReconfigurationType": "MERGE"}
    aws.emr.modify_instance_groups(ClusterId=grouped, InstanceGroups=[merge])
    both = {**first["Properties"], **more["Properties"]}
    poll_until(
        lambda: group_of(aws, grouped, "CORE")["Configurations"][0]["Properties"] == both, "both properties", 900
    )
