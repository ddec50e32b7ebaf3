"""Instance groups, fleets and instances in the shapes of AWS. Their states follow from their cluster's."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from string import ascii_lowercase
from typing import Any

from services.aws.emr.model import CLUSTER_ENDED, Cluster, ClusterState
from services.aws.emr.nodes import ON_DEMAND, SPOT, Node, NodeGroup
from services.aws.emr.shapes import Shape, present, some

_STATES = {
    ClusterState.STARTING: "PROVISIONING",
    ClusterState.BOOTSTRAPPING: "BOOTSTRAPPING",
    ClusterState.RUNNING: "RUNNING",
    ClusterState.WAITING: "RUNNING",
    ClusterState.TERMINATING: "TERMINATING",
    ClusterState.TERMINATED: "TERMINATED",
    ClusterState.TERMINATED_WITH_ERRORS: "TERMINATED",
}
_CLUSTER_ENDED = {"Code": "CLUSTER_TERMINATED", "Message": "Job flow terminated"}
_REMOVED = {"Code": "USER_REQUEST", "Message": "Instance was terminated by a resize"}


def group_shape(cluster: Cluster, group: NodeGroup) -> Shape:
    """An InstanceGroup of ListInstanceGroups."""
    config = group.config
    return present(
        {
            "Id": group.id,
            "InstanceGroupType": group.role,
            "Market": ON_DEMAND,
            **some(config, ("Name", "Market", "BidPrice", "InstanceType")),
            "RequestedInstanceCount": config["InstanceCount"],
            "RunningInstanceCount": len(group.live) if _running(cluster) else 0,
            "Status": _status(cluster, group),
            "Configurations": config.get("Configurations", []),
            "ConfigurationsVersion": 1 if config.get("Configurations") else 0,
            **_volumes(config),
            "ShrinkPolicy": config.get("ShrinkPolicy", {}),
        }
    )


def fleet_shape(cluster: Cluster, fleet: NodeGroup) -> Shape:
    """An InstanceFleet of ListInstanceFleets."""
    config, running = fleet.config, _running(cluster)
    return present(
        {
            "Id": fleet.id,
            "InstanceFleetType": fleet.role,
            "Status": _status(cluster, fleet),
            "TargetOnDemandCapacity": config.get("TargetOnDemandCapacity", 0),
            "TargetSpotCapacity": config.get("TargetSpotCapacity", 0),
            "ProvisionedOnDemandCapacity": fleet.capacity(ON_DEMAND) if running else 0,
            "ProvisionedSpotCapacity": fleet.capacity(SPOT) if running else 0,
            "InstanceTypeSpecifications": [_specification(each) for each in config["InstanceTypeConfigs"]],
            **some(config, ("Name", "LaunchSpecifications", "ResizeSpecifications", "Context")),
        }
    )


def instance_shape(cluster: Cluster, group: NodeGroup, node: Node) -> Shape:
    """An Instance of ListInstances. Its addresses are in a network of its own that leads nowhere."""
    address = _address(node)
    ended = node.ended or cluster.ended
    state = "TERMINATED" if ended else _STATES[cluster.state]
    if state == "TERMINATING":
        state = "RUNNING"
    reason: dict[str, Any] = {} if not ended else _REMOVED if node.ended else _CLUSTER_ENDED
    line = {"CreationDateTime": node.created, "ReadyDateTime": _ready(cluster, node.created), "EndDateTime": ended}
    return present(
        {
            "Id": node.id,
            "Ec2InstanceId": node.ec2_id,
            "PublicDnsName": "",
            "PrivateDnsName": f"ip-{address.replace('.', '-')}.internal",
            "PrivateIpAddress": address,
            "Status": {"State": state, "StateChangeReason": reason, "Timeline": present(line)},
            "InstanceFleetId" if group.fleet else "InstanceGroupId": group.id,
            "Market": node.market,
            "InstanceType": node.type,
            "EbsVolumes": [],
        }
    )


def _running(cluster: Cluster) -> bool:
    return _STATES[cluster.state] == "RUNNING"


def _status(cluster: Cluster, group: NodeGroup) -> Shape:
    ended = cluster.state in CLUSTER_ENDED
    line = {
        "CreationDateTime": group.created,
        "ReadyDateTime": _ready(cluster, group.created),
        "EndDateTime": cluster.ended,
    }
    reason = _CLUSTER_ENDED if ended else {"Message": ""}
    return {"State": _state(cluster, group), "StateChangeReason": reason, "Timeline": present(line)}


def _state(cluster: Cluster, group: NodeGroup) -> str:
    if _running(cluster) and not group.settled:
        return "RESIZING" if group.nodes else "PROVISIONING"
    return _STATES[cluster.state]


def _ready(cluster: Cluster, created: datetime) -> datetime | None:
    return cluster.ready and max(cluster.ready, created)


def _specification(config: dict[str, Any]) -> Shape:
    """An InstanceTypeSpecification: what the InstanceTypeConfig says, complete."""
    names = ("InstanceType", "BidPrice", "BidPriceAsPercentageOfOnDemandPrice", "Configurations", "Priority")
    return {"WeightedCapacity": config.get("WeightedCapacity", 1), **_volumes(config), **some(config, names)}


def _volumes(config: Mapping[str, Any]) -> Shape:
    """The EbsConfiguration of a group or type as AWS shows it: one entry for each volume of an instance."""
    ebs = config.get("EbsConfiguration", {})
    specifications = [
        each["VolumeSpecification"]
        for each in ebs.get("EbsBlockDeviceConfigs", ())
        for _ in range(each.get("VolumesPerInstance", 1))
    ]
    devices = [
        {"VolumeSpecification": specification, "Device": f"/dev/sd{letter}"}
        for specification, letter in zip(specifications, ascii_lowercase[1:], strict=False)
    ]
    return {"EbsBlockDevices": devices, **some(ebs, ("EbsOptimized",))}


def _address(node: Node) -> str:
    number = zlib.crc32(node.ec2_id.encode())
    return f"172.31.{number >> 8 & 255}.{number % 253 + 2}"
