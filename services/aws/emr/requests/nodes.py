"""Instance groups and instance fleets of a request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from services.aws.emr import instance_types
from services.aws.emr.errors import EmrError, ValidationException
from services.aws.emr.nodes import NodeGroup, instance_fleet, instance_group
from services.aws.emr.requests import Request

MAX_TASK_GROUPS = 48
MAX_INSTANCES = 2000  # of one cluster; as many as AWS lists in a page
MAX_VOLUMES = 25
HA_PRIMARY_NODES = 3
_BID = re.compile(r"\d+(\.\d+)?")
ONE_KIND = (
    "Please configure instances using one and only one of the following: instance groups; instance fleets; "
    "instance count, master and slave instance type."
)


def node_groups(instances: Request, now: datetime) -> tuple[NodeGroup, ...]:
    """The groups or fleets of a RunJobFlow request's Instances."""
    given = ("InstanceGroups" in instances, "InstanceFleets" in instances, _counted(instances))
    if sum(given) != 1:
        raise ValidationException(ONE_KIND)
    if "InstanceFleets" in instances:
        fleets = list(instances["InstanceFleets"])
        check_fleets(fleets)
        _check_roles(Counter(fleet["InstanceFleetType"] for fleet in fleets), "instance fleet", most_tasks=1)
        return _limited([instance_fleet(fleet, now) for fleet in fleets])
    groups = list(instances["InstanceGroups"] if given[0] else _groups_by_count(instances))
    check_groups(groups)
    _check_roles(Counter(group["InstanceRole"] for group in groups), "instance group", most_tasks=MAX_TASK_GROUPS)
    return _limited([instance_group(group, now) for group in groups])


def more_groups(groups: Sequence[Request], known: Sequence[NodeGroup], now: datetime) -> tuple[NodeGroup, ...]:
    """Groups that are added to a cluster: of tasks, as the others exist once."""
    check_groups(groups)
    if any(group["InstanceRole"] != "TASK" for group in groups):
        raise ValidationException("Only task instance groups can be added to a running job flow.")
    tasks = sum(group.role == "TASK" for group in known) + len(groups)
    if tasks > MAX_TASK_GROUPS:
        raise ValidationException(f"A job flow may have at most {MAX_TASK_GROUPS} task instance groups.")
    added = [instance_group(group, now, bare=True) for group in groups]
    _limited([*known, *added])
    return tuple(added)


def check_groups(groups: Sequence[Request]) -> None:
    """Each of the InstanceGroupConfigs by itself."""
    for group in groups:
        check_type(group["InstanceType"], ValidationException)
        if "AutoScalingPolicy" in group:
            raise ValidationException("AutoScalingPolicy is not supported: use a managed scaling policy.")
        if "CustomAmiId" in group:
            raise ValidationException("CustomAmiId is not supported.")
        if group["InstanceCount"] < 1:
            raise ValidationException("An instance group must have at least one instance.")
        check_number(group["InstanceCount"], ValidationException)
        if group["InstanceRole"] == "MASTER" and group["InstanceCount"] not in (1, HA_PRIMARY_NODES):
            raise ValidationException("Master instance group must have exactly 3 instances for HA clusters.")
        _check_bid(group)
        check_volumes(group, ValidationException)


def check_fleets(fleets: Sequence[Request], error: type[EmrError] = ValidationException) -> None:
    """Each of the InstanceFleetConfigs by itself."""
    for fleet in fleets:
        types = fleet.get("InstanceTypeConfigs", ())
        if not types:
            raise error("An instance fleet must have at least one instance type.")
        for each in types:
            check_type(each["InstanceType"], error)
            check_volumes(each, error)
            if "CustomAmiId" in each:
                raise error("CustomAmiId is not supported.")
        check_targets(fleet, fleet["InstanceFleetType"], error)


def check_targets(fleet: Request, role: str, error: type[EmrError]) -> None:
    """What a fleet of that role may aim at."""
    demand, spot = fleet.get("TargetOnDemandCapacity", 0), fleet.get("TargetSpotCapacity", 0)
    if demand < 0 or spot < 0:
        raise error("The target capacities of an instance fleet must not be negative.")
    check_number(demand + spot, error)
    if role == "MASTER" and demand + spot != 1:
        raise error("The master instance fleet must have a target capacity of exactly one instance.")
    if role == "CORE" and demand + spot < 1:
        raise error("The core instance fleet must have a target capacity of at least one.")


def check_type(instance_type: str, error: type[EmrError]) -> None:
    if instance_type not in instance_types.supported():
        raise error(f"Instance type '{instance_type}' is not supported.")


def check_volumes(config: Request, error: type[EmrError]) -> None:
    """As many EBS volumes as AWS gives to an instance."""
    given = config.get("EbsConfiguration", {}).get("EbsBlockDeviceConfigs", ())
    if sum(each.get("VolumesPerInstance", 1) for each in given) > MAX_VOLUMES:
        raise error(f"An instance may have at most {MAX_VOLUMES} EBS volumes.")


def _counted(instances: Request) -> bool:
    return any(name in instances for name in ("MasterInstanceType", "SlaveInstanceType", "InstanceCount"))


def _groups_by_count(instances: Request) -> list[Request]:
    """The groups that InstanceCount and the two types stand for."""
    if "MasterInstanceType" not in instances:
        raise ValidationException("The master instance type must be specified.")
    master, count = instances["MasterInstanceType"], instances.get("InstanceCount", 1)
    if count < 1:
        raise ValidationException("The instance count must be at least one.")
    groups: list[Request] = [{"InstanceRole": "MASTER", "InstanceType": master, "InstanceCount": 1}]
    if count > 1:
        slave = instances.get("SlaveInstanceType", master)
        groups.append({"InstanceRole": "CORE", "InstanceType": slave, "InstanceCount": count - 1})
    return groups


def _check_roles(roles: Counter[str], kind: str, most_tasks: int) -> None:
    if not roles["MASTER"]:
        raise ValidationException(f"Zero master {kind}s supplied, you must specify exactly one master {kind}")
    for role, most in (("MASTER", 1), ("CORE", 1), ("TASK", most_tasks)):
        if roles[role] > most:
            name, much = role.lower(), "exactly one" if most == 1 else f"at most {most}"
            raise ValidationException(f"Multiple {name} {kind}s supplied, you must specify {much} {name} {kind}")
    if roles["TASK"] and not roles["CORE"]:
        raise ValidationException("Clusters with task nodes must also define core nodes.")


def _check_bid(group: Request) -> None:
    price = group.get("BidPrice")
    if price is None:
        return
    if group.get("Market") != "SPOT":
        raise ValidationException("Attempted to set bid price for on demand instance group.")
    if not _BID.fullmatch(price):
        raise ValidationException("The bid price supplied for an instance group is invalid")
    if not float(price) > 0:
        raise ValidationException("The bid price is negative or zero.")
    if len(price.partition(".")[2]) > 3:
        raise ValidationException("No more than 3 digits are allowed after decimal place in bid price")


def _limited(groups: Sequence[NodeGroup]) -> tuple[NodeGroup, ...]:
    check_total(groups)
    return tuple(groups)


def check_total(groups: Sequence[NodeGroup]) -> None:
    check_number(sum(group.wanted for group in groups), ValidationException)


def check_number(instances: int, error: type[EmrError]) -> None:
    if instances > MAX_INSTANCES:
        raise error(f"A cluster may have at most {MAX_INSTANCES} instances.")
