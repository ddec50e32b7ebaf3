"""Instances, instance groups and instance fleets: listed, added and resized.

What changes here is what is asked for: the nodes follow (`provisioning`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.aws.emr import configurations, paging, shapes
from services.aws.emr.errors import EmrError, InvalidRequestException, ValidationException
from services.aws.emr.model import Cluster, ClusterState
from services.aws.emr.node_shapes import fleet_shape, group_shape, instance_shape
from services.aws.emr.nodes import NodeGroup, instance_fleet
from services.aws.emr.operations.base import Operations
from services.aws.emr.releases import require
from services.aws.emr.requests import Request, need_some
from services.aws.emr.requests.nodes import (
    check_fleets,
    check_number,
    check_targets,
    check_total,
    check_type,
    more_groups,
)
from services.aws.emr.shapes import Shape

_READY = (ClusterState.RUNNING, ClusterState.WAITING)
_INSTANCES = 2000  # in one page
_NOT_READY = "An instance group may only be modified when the cluster is running or waiting."


class InstanceOperations(Operations):
    def list_instances(self, request: Request) -> Shape:
        cluster = self._cluster(request)
        by_group = request.get("InstanceGroupId"), request.get("InstanceGroupTypes")
        by_fleet = request.get("InstanceFleetId"), request.get("InstanceFleetType")
        if any(by_group):
            _check_kind(
                cluster, fleets=False, operation="ListInstances", instead="InstanceFleetId or InstanceFleetType"
            )
        if any(by_fleet):
            _check_kind(
                cluster, fleets=True, operation="ListInstances", instead="InstanceGroupId or InstanceGroupTypes"
            )
        chosen_id, roles = by_group[0] or by_fleet[0], by_group[1] or [role for role in by_fleet[1:] if role]
        if chosen_id:
            _group(cluster, chosen_id, InvalidRequestException)
        found = [
            instance_shape(cluster, group, node)
            for group in cluster.groups
            if chosen_id in (None, group.id) and (not roles or group.role in roles)
            for node in group.nodes
        ]
        states = request.get("InstanceStates")
        wanted = [shape for shape in found if not states or shape["Status"]["State"] in states]
        return paging.page(wanted, request, "Instances", size=_INSTANCES)

    def list_instance_groups(self, request: Request) -> Shape:
        cluster = self._cluster(request)
        _check_kind(cluster, fleets=False, operation="ListInstanceGroups", instead="ListInstanceFleets")
        return paging.page([group_shape(cluster, group) for group in cluster.groups], request, "InstanceGroups")

    def list_instance_fleets(self, request: Request) -> Shape:
        cluster = self._cluster(request)
        _check_kind(cluster, fleets=True, operation="ListInstanceFleets", instead="ListInstanceGroups")
        return paging.page([fleet_shape(cluster, fleet) for fleet in cluster.groups], request, "InstanceFleets")

    def add_instance_groups(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._job_flow(request)
            _check_kind(cluster, fleets=False, operation="AddInstanceGroups", instead="AddInstanceFleet")
            configs = need_some(request, "InstanceGroups", ValidationException)
            added = more_groups(configs, cluster.groups, self._clock())
            for group in added:
                _check_configurations(cluster, group.config)
            self._scheduler.commit(replace(cluster, groups=(*cluster.groups, *added)))
        return {
            "JobFlowId": cluster.id,
            "InstanceGroupIds": [group.id for group in added],
            "ClusterArn": shapes.arn(cluster.id, self.region, self.account),
        }

    def modify_instance_groups(self, request: Request) -> None:
        """All of the changes, or none."""
        changes = need_some(request, "InstanceGroups", ValidationException)
        with self._lock:
            clusters: dict[str, Cluster] = {}
            for change in changes:
                owner = self._owner(change["InstanceGroupId"], request.get("ClusterId"))
                cluster = clusters.get(owner.id, owner)
                _check_kind(cluster, fleets=False, operation="ModifyInstanceGroups", instead="ModifyInstanceFleet")
                group = _group(cluster, change["InstanceGroupId"], ValidationException)
                clusters[owner.id] = _with(cluster, self._modified(cluster, group, change))
            for cluster in clusters.values():
                check_total(cluster.groups)
            self._scheduler.commit(*clusters.values())

    def add_instance_fleet(self, request: Request) -> Shape:
        config = request["InstanceFleet"]
        with self._lock:
            cluster = self._open_cluster(request)
            _check_kind(cluster, fleets=True, operation="AddInstanceFleet", instead="AddInstanceGroups")
            check_fleets([config], InvalidRequestException)
            if config["InstanceFleetType"] != "TASK" or any(fleet.role == "TASK" for fleet in cluster.groups):
                raise InvalidRequestException("Only one task instance fleet can be added to a running cluster.")
            fleet = instance_fleet(config, self._clock(), bare=True)
            self._scheduler.commit(replace(cluster, groups=(*cluster.groups, fleet)))
        arn = shapes.arn(cluster.id, self.region, self.account)
        return {"ClusterId": cluster.id, "InstanceFleetId": fleet.id, "ClusterArn": arn}

    def modify_instance_fleet(self, request: Request) -> None:
        change = request["InstanceFleet"]
        with self._lock:
            cluster = self._open_cluster(request)
            _check_kind(cluster, fleets=True, operation="ModifyInstanceFleet", instead="ModifyInstanceGroups")
            fleet = _group(cluster, change["InstanceFleetId"], InvalidRequestException)
            if cluster.state not in _READY:
                raise InvalidRequestException(
                    "An instance fleet may only be modified when the cluster is running or waiting."
                )
            config = {**fleet.config, **{name: value for name, value in change.items() if name != "InstanceFleetId"}}
            check_targets(config, fleet.role, InvalidRequestException)
            for each in config["InstanceTypeConfigs"]:
                check_type(each["InstanceType"], InvalidRequestException)
            self._scheduler.commit(_with(cluster, replace(fleet, config=config)))

    def _modified(self, cluster: Cluster, group: NodeGroup, change: Request) -> NodeGroup:
        if cluster.state not in _READY:
            raise ValidationException(_NOT_READY)
        count, leaving = change.get("InstanceCount"), change.get("EC2InstanceIdsToTerminate", ())
        if group.role == "MASTER" and (leaving or count not in (None, group.wanted)):
            raise ValidationException("A master instance group may not be resized.")
        if leaving:
            unknown = set(leaving) - {node.ec2_id for node in group.live}
            if unknown:
                raise ValidationException(f"Instance id '{min(unknown)}' is not valid.")
            group = group.without(list(leaving), self._clock())
        if count is not None:
            least = 0 if group.role == "TASK" else 1
            if count < least:
                raise ValidationException(
                    f"The instance count of a {group.role.lower()} instance group must be at least {least}."
                )
            check_number(count, ValidationException)
            group = replace(group, config={**group.config, "InstanceCount": count})
        more = {name: change[name] for name in ("Configurations", "ShrinkPolicy") if name in change}
        if "Configurations" in more:
            _check_configurations(cluster, more)
            if change.get("ReconfigurationType") == "MERGE":
                more["Configurations"] = _merged(group.config.get("Configurations", ()), more["Configurations"])
        return replace(group, config={**group.config, **more})

    def _owner(self, group_id: str, cluster_id: str | None) -> Cluster:
        """The cluster of the group, found by its id where the request does not tell it."""
        if cluster_id is not None:
            return self._job_flow({"JobFlowId": cluster_id})
        live = self._store.clusters(live_only=True)
        found = next((cluster for cluster in live if any(group.id == group_id for group in cluster.groups)), None)
        if found is None:
            raise _no_group(group_id, ValidationException)
        return self._job_flow({"JobFlowId": found.id})


def _check_kind(cluster: Cluster, *, fleets: bool, operation: str, instead: str) -> None:
    """In AWS's words, for an operation of groups on a cluster of fleets, or the other way around."""
    if cluster.fleets == fleets:
        return
    uses = "instance fleets" if cluster.fleets else "instance groups"
    raise InvalidRequestException(
        "Instance fleets and instance groups are mutually exclusive. "
        f"The EMR cluster specified in the request uses {uses}. "
        f"The {operation} operation does not support clusters that use {uses}. Use the {instead} operation instead."
    )


def _check_configurations(cluster: Cluster, config: Request) -> None:
    given = config.get("Configurations", ())
    configurations.check(given, require(str(cluster.request["ReleaseLabel"])))


def _merged(old: Iterable[Request], new: Iterable[Request]) -> list[Request]:
    """Configurations by classification, those of the second over those of the first."""
    found = {each["Classification"]: each for each in old}
    for each in new:
        before = found.get(each["Classification"], {})
        properties = {**before.get("Properties", {}), **each.get("Properties", {})}
        found[each["Classification"]] = {**before, **each, "Properties": properties}
    return list(found.values())


def _group(cluster: Cluster, group_id: str, error: type[EmrError]) -> NodeGroup:
    found = next((group for group in cluster.groups if group.id == group_id), None)
    if found is None:
        raise _no_group(group_id, error)
    return found


def _no_group(group_id: str, error: type[EmrError]) -> EmrError:
    kind = "fleet" if group_id.startswith("if-") else "group"
    return error(f"Instance {kind} id '{group_id}' is not valid.")


def _with(cluster: Cluster, changed: NodeGroup) -> Cluster:
    groups = tuple(changed if group.id == changed.id else group for group in cluster.groups)
    return replace(cluster, groups=groups)
