"""The nodes of a logical cluster: instance groups and instance fleets, remembered as AWS would have provisioned them.

Steps run on the lab's one physical cluster whatever is asked for here; but a client that resizes a group, or looks
for the instances of a fleet, finds what AWS would show.
"""

from __future__ import annotations

import math
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.aws.emr.ids import new_id

Config = Mapping[str, Any]
_REMEMBERED = 100  # nodes of a group that have ended
ON_DEMAND, SPOT = "ON_DEMAND", "SPOT"


@dataclass(frozen=True)
class Node:
    """One EC2 instance of a group or fleet."""

    id: str
    ec2_id: str
    type: str
    market: str
    created: datetime
    ended: datetime | None = None


@dataclass(frozen=True)
class NodeGroup:
    """An instance group or, with `fleet`, an instance fleet. `config`: its request, as later operations changed it."""

    id: str
    role: str
    fleet: bool
    config: Config
    created: datetime
    nodes: tuple[Node, ...] = ()

    @property
    def live(self) -> list[Node]:
        return [node for node in self.nodes if node.ended is None]

    def resized(self, config: Config, at: datetime) -> NodeGroup:
        """The group as it is with another configuration: surplus nodes ended, the newest first, missing ones new."""
        wanted = Counter(_wanted(config, fleet=self.fleet))
        kept = []
        for node in self.nodes:
            kind = (node.type, node.market)
            if node.ended is None and not wanted[kind]:
                node = replace(node, ended=at)
            elif node.ended is None:
                wanted[kind] -= 1
            kept.append(node)
        new = (_new_node(*kind, at) for kind in wanted.elements())
        return replace(self, config=config, nodes=(*_remembered(kept), *new))

    def without(self, ec2_ids: list[str], at: datetime) -> NodeGroup:
        """The group after those instances were terminated; its count goes down with them."""
        nodes = tuple(replace(n, ended=at) if n.ec2_id in ec2_ids and n.ended is None else n for n in self.nodes)
        smaller = replace(self, nodes=nodes)
        return replace(smaller, config={**self.config, "InstanceCount": len(smaller.live)})

    def capacity(self, market: str) -> int:
        """The units that a fleet's nodes of that market provide."""
        return sum(_weight(self.config, node.type) for node in self.live if node.market == market)


def instance_group(config: Config, at: datetime) -> NodeGroup:
    """A group by an InstanceGroupConfig."""
    return NodeGroup(new_id("ig-"), config["InstanceRole"], False, {}, at).resized(config, at)


def instance_fleet(config: Config, at: datetime) -> NodeGroup:
    """A fleet by an InstanceFleetConfig."""
    return NodeGroup(new_id("if-"), config["InstanceFleetType"], True, {}, at).resized(config, at)


def _remembered(nodes: Sequence[Node]) -> list[Node]:
    """Without the oldest of those that have ended: a cluster that breathes all year shall not grow."""
    ended = [node for node in nodes if node.ended]
    forgotten = {node.id for node in ended[: max(0, len(ended) - _REMEMBERED)]}
    return [node for node in nodes if node.id not in forgotten]


def _wanted(config: Config, *, fleet: bool) -> Iterator[tuple[str, str]]:
    """Type and market of each node that the configuration asks for. A fleet takes its first type."""
    if not fleet:
        yield from [(config["InstanceType"], config.get("Market", ON_DEMAND))] * config["InstanceCount"]
        return
    types = config.get("InstanceTypeConfigs")
    if not types:
        return
    first = types[0]["InstanceType"]
    for market, member in ((ON_DEMAND, "TargetOnDemandCapacity"), (SPOT, "TargetSpotCapacity")):
        yield from [(first, market)] * math.ceil(config.get(member, 0) / _weight(config, first))


def _weight(config: Config, instance_type: str) -> int:
    for each in config.get("InstanceTypeConfigs", ()):
        if each["InstanceType"] == instance_type:
            return max(1, int(each.get("WeightedCapacity", 1)))
    return 1


def _new_node(instance_type: str, market: str, at: datetime) -> Node:
    return Node(new_id("ci-"), f"i-0{secrets.token_hex(8)}", instance_type, market, at)
