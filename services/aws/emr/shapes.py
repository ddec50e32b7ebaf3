"""Records in the shapes of AWS: member names of the EMR API, absent members left out, times as aware datetimes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.aws.emr.model import Cluster, Reason, Step

Shape = dict[str, Any]

# Members that DescribeCluster gives back as RunJobFlow took them.
_KEPT = (
    "ReleaseLabel", "Applications", "Tags", "ServiceRole", "Configurations", "SecurityConfiguration",
    "AutoScalingRole", "ScaleDownBehavior", "CustomAmiId", "EbsRootVolumeSize", "RepoUpgradeOnBoot",
    "KerberosAttributes", "OSReleaseLabel", "LogEncryptionKmsKeyId", "EbsRootVolumeIops",
    "EbsRootVolumeThroughput", "MonitoringConfiguration", "ExtendedSupport", "SessionEnabled",
)  # fmt: skip
_EC2 = (
    "Ec2KeyName", "Ec2SubnetId", "EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup",
    "ServiceAccessSecurityGroup", "AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups",
)  # fmt: skip


def arn(cluster_id: str, region: str, account: str) -> str:
    return f"arn:aws:elasticmapreduce:{region}:{account}:cluster/{cluster_id}"


def cluster(record: Cluster, region: str, account: str) -> Shape:
    """The Cluster of DescribeCluster."""
    request, instances = record.request, record.request["Instances"]
    subnets = instances.get("Ec2SubnetIds", [])
    zone = instances.get("Placement", {}).get("AvailabilityZone")
    ec2 = {
        "AdditionalMasterSecurityGroups": [],
        "AdditionalSlaveSecurityGroups": [],
        **some(instances, _EC2),
        "Ec2SubnetId": instances.get("Ec2SubnetId") or (subnets[0] if subnets else None),
        "RequestedEc2SubnetIds": subnets,
        "RequestedEc2AvailabilityZones": instances.get("Placement", {}).get("AvailabilityZones", []),
        "Ec2AvailabilityZone": zone or f"{region}a",
        "IamInstanceProfile": request.get("JobFlowRole"),
    }
    return present(
        {
            "Id": record.id,
            "Name": record.name,
            "Status": _cluster_status(record),
            "Ec2InstanceAttributes": present(ec2),
            "InstanceCollectionType": "INSTANCE_FLEET" if "InstanceFleets" in instances else "INSTANCE_GROUP",
            "LogUri": request.get("LogUri"),
            "AutoTerminate": not record.keep_alive,
            "TerminationProtected": record.protected,
            "UnhealthyNodeReplacement": instances.get("UnhealthyNodeReplacement"),
            "VisibleToAllUsers": request.get("VisibleToAllUsers", True),
            "NormalizedInstanceHours": 0,
            "MasterPublicDnsName": "localhost" if record.ready else None,
            "ClusterArn": arn(record.id, region, account),
            "StepConcurrencyLevel": record.concurrency,
            "PlacementGroups": request.get("PlacementGroupConfigs", []),
            "Configurations": [],
            "KerberosAttributes": {},
            "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
            **some(request, _KEPT),
        }
    )


def cluster_summary(record: Cluster, region: str, account: str) -> Shape:
    """A ClusterSummary of ListClusters."""
    return {
        "Id": record.id,
        "Name": record.name,
        "Status": _cluster_status(record),
        "NormalizedInstanceHours": 0,
        "ClusterArn": arn(record.id, region, account),
    }


def step(record: Step) -> Shape:
    """The Step of DescribeStep."""
    return present({**step_summary(record), "ExecutionRoleArn": record.role_arn})


def step_summary(record: Step) -> Shape:
    """A StepSummary of ListSteps."""
    config = {
        "Jar": record.jar,
        "Properties": dict(record.properties),
        "MainClass": record.main_class,
        "Args": list(record.args),
    }
    failure = record.failure and present(
        {
            "Reason": record.failure.reason,
            "Message": record.failure.message,
            "LogFile": record.failure.log_file,
        }
    )
    status = {
        "State": record.state.value,
        "StateChangeReason": _reason(record.reason),
        "FailureDetails": failure,
        "Timeline": _timeline(record.created, "StartDateTime", record.started, record.ended),
    }
    return {
        "Id": record.id,
        "Name": record.name,
        "Config": present(config),
        "ActionOnFailure": record.action.value,
        "Status": present(status),
    }


def bootstrap_action(record: Step) -> Shape:
    """A Command of ListBootstrapActions."""
    return {"Name": record.name, "ScriptPath": record.args[0], "Args": list(record.args[1:])}


def _cluster_status(record: Cluster) -> Shape:
    return {
        "State": record.state.value,
        "StateChangeReason": _reason(record.reason),
        "Timeline": _timeline(record.created, "ReadyDateTime", record.ready, record.ended),
    }


def _timeline(created: object, middle: str, between: object, ended: object) -> Shape:
    return present({"CreationDateTime": created, middle: between, "EndDateTime": ended})


def _reason(reason: Reason) -> Shape:
    return present({"Code": reason.code and str(reason.code), "Message": reason.message or None})


def some(source: Mapping[str, Any], names: tuple[str, ...]) -> Shape:
    return {name: source[name] for name in names if name in source}


def present(members: Mapping[str, Any]) -> Shape:
    return {name: value for name, value in members.items() if value is not None}
