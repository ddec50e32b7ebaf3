"""Managed scaling: how many core and task nodes a cluster gets between the limits of its policy.

As AWS describes it (Amazon EMR Management Guide, "Understanding node allocation strategy and scenarios"): core nodes
come first, up to their own limit, then task nodes; On-Demand up to its limit, then Spot; what came last goes first.
Primary nodes do not count. Groups and fleets are changed, not added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.aws.emr import instance_types
from services.aws.emr.nodes import ON_DEMAND, SPOT, NodeGroup, weight, workers


@dataclass
class _Part:
    """Nodes that are counted together: of a group, or of one market of a fleet.  unit: what each of `count` counts
    for in the policy.
    """

    group: int  # its place among the groups
    member: str  # of the group's configuration
    role: str
    market: str
    unit: int
    count: int

    @property
    def units(self) -> int:
        return self.unit * self.count


def scaled(groups: Sequence[NodeGroup], policy: Mapping[str, Any], need: int) -> tuple[NodeGroup, ...]:
    """The groups as the policy has them for a need of so many nodes; what is asked for changes, the nodes follow."""
    limits, now = policy.get("ComputeLimits"), workers(groups)
    if not limits or now is None:
        return tuple(groups)
    parts = _parts(groups, limits["UnitType"])
    total = sum(part.units for part in parts)
    wanted = total if need == now else need * _node(groups, parts)
    aim = min(max(wanted, limits["MinimumCapacityUnits"]), limits["MaximumCapacityUnits"])
    if aim > total:
        _grow(parts, aim, limits)
    elif aim < total:
        _shrink(parts, aim)
    return _with(groups, parts)


def _parts(groups: Sequence[NodeGroup], unit_type: str) -> list[_Part]:
    """In the order in which they grow."""
    found = []
    for role in ("CORE", "TASK"):
        for number, group in enumerate(groups):
            config = group.config
            if group.role != role:
                continue
            if group.fleet:
                for member, market in (("TargetOnDemandCapacity", ON_DEMAND), ("TargetSpotCapacity", SPOT)):
                    found.append(_Part(number, member, role, market, 1, config.get(member, 0)))
                continue
            unit = instance_types.supported()[config["InstanceType"]].vcpus if unit_type == "VCPU" else 1
            market = config.get("Market", ON_DEMAND)
            found.append(_Part(number, "InstanceCount", role, market, unit, config["InstanceCount"]))
    return found


def _node(groups: Sequence[NodeGroup], parts: Sequence[_Part]) -> int:
    """What one more node counts for."""
    first = groups[parts[0].group]
    types = first.config.get("InstanceTypeConfigs")
    return weight(first.config, types[0]["InstanceType"]) if types else parts[0].unit


def _grow(parts: Sequence[_Part], aim: int, limits: Mapping[str, int]) -> None:
    most = limits["MaximumCapacityUnits"]
    of_core = limits.get("MaximumCoreCapacityUnits", most)
    on_demand = limits.get("MaximumOnDemandCapacityUnits", most)
    for part in parts:
        total = _units(parts)
        room = most - total
        if part.role == "CORE":
            room = min(room, of_core - _units(parts, role="CORE"))
        if part.market == ON_DEMAND:
            room = min(room, on_demand - _units(parts, market=ON_DEMAND))
        part.count += max(0, min(math.ceil((aim - total) / part.unit), room // part.unit))


def _shrink(parts: Sequence[_Part], aim: int) -> None:
    for part in reversed(parts):
        others = sum(each.count for each in parts if each.role == "CORE" and each is not part)
        least = 1 if part.role == "CORE" and not others else 0
        part.count -= max(0, min(part.count - least, (_units(parts) - aim) // part.unit))


def _units(parts: Sequence[_Part], **like: str) -> int:
    return sum(part.units for part in parts if all(getattr(part, name) == value for name, value in like.items()))


def _with(groups: Sequence[NodeGroup], parts: Sequence[_Part]) -> tuple[NodeGroup, ...]:
    changed = list(groups)
    for part in parts:
        group = changed[part.group]
        if group.config.get(part.member, 0) != part.count:
            changed[part.group] = replace(group, config={**group.config, part.member: part.count})
    return tuple(changed)
