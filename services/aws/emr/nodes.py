"""The nodes of a logical cluster: instance groups and instance fleets, as AWS would have provisioned them.

A group's configuration says what is asked for, its nodes what is there. `provisioning` makes the second follow the
first: where YARN is, once it gives the cluster the share of that many nodes.
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

    @property
    def wanted(self) -> int:
        """How many nodes are asked for."""
        return len(list(_wanted(self.config, fleet=self.fleet)))

    @property
    def settled(self) -> bool:
        """Whether the nodes are those that are asked for."""
        return Counter((node.type, node.market) for node in self.live) == Counter(
            _wanted(self.config, fleet=self.fleet)
        )

    def provisioned(self, at: datetime) -> NodeGroup:
        """The group with the nodes that are asked for: surplus ones ended, the newest first, missing ones new."""
        wanted = Counter(_wanted(self.config, fleet=self.fleet))
        kept = []
        for node in self.nodes:
            kind = (node.type, node.market)
            if node.ended is None and not wanted[kind]:
                node = replace(node, ended=at)
            elif node.ended is None:
                wanted[kind] -= 1
            kept.append(node)
        new = (_new_node(*kind, at) for kind in wanted.elements())
        return replace(self, nodes=(*_remembered(kept), *new))

    def resized(self, config: Config, at: datetime) -> NodeGroup:
        """The group as it is with another configuration."""
        return replace(self, config=config).provisioned(at)

    def without(self, ec2_ids: list[str], at: datetime) -> NodeGroup:
        """The group after those instances were terminated; its count goes down with them."""
        nodes = tuple(replace(n, ended=at) if n.ec2_id in ec2_ids and n.ended is None else n for n in self.nodes)
        left = self.config["InstanceCount"] - len(self.live) + sum(node.ended is None for node in nodes)
        return replace(self, nodes=nodes, config={**self.config, "InstanceCount": left})

    def capacity(self, market: str) -> int:
        """The units that a fleet's nodes of that market provide."""
        return sum(weight(self.config, node.type) for node in self.live if node.market == market)


def instance_group(config: Config, at: datetime, *, bare: bool = False) -> NodeGroup:
    """A group by an InstanceGroupConfig; bare: its nodes are still to come."""
    group = NodeGroup(new_id("ig-"), config["InstanceRole"], False, config, at)
    return group if bare else group.provisioned(at)


def instance_fleet(config: Config, at: datetime, *, bare: bool = False) -> NodeGroup:
    """A fleet by an InstanceFleetConfig."""
    fleet = NodeGroup(new_id("if-"), config["InstanceFleetType"], True, config, at)
    return fleet if bare else fleet.provisioned(at)


def workers(groups: Sequence[NodeGroup]) -> int | None:
    """How many core and task nodes are asked for; None for a cluster of a single node, which does the work itself."""
    working = [group for group in groups if group.role != "MASTER"]
    return sum(group.wanted for group in working) if working else None


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
        yield from [(first, market)] * math.ceil(config.get(member, 0) / weight(config, first))


def weight(config: Config, instance_type: str) -> int:
    """The units of a fleet that a node of that type provides."""
    for each in config.get("InstanceTypeConfigs", ()):
        if each["InstanceType"] == instance_type:
            return max(1, int(each.get("WeightedCapacity", 1)))
    return 1


def _new_node(instance_type: str, market: str, at: datetime) -> Node:
    return Node(new_id("ci-"), f"i-0{secrets.token_hex(8)}", instance_type, market, at)
