"""The nodes of a group or fleet as it is resized."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.aws.emr.nodes import ON_DEMAND, SPOT, instance_fleet, instance_group

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
GROUP = {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 3}
TYPES = [{"InstanceType": "m5.xlarge", "WeightedCapacity": 4}, {"InstanceType": "m5.2xlarge", "WeightedCapacity": 8}]


def test_a_smaller_group_keeps_its_oldest_nodes() -> None:
    group = instance_group(GROUP, NOW)
    smaller = group.resized({**GROUP, "InstanceCount": 1}, LATER)

    assert [node.id for node in smaller.live] == [group.nodes[0].id]
    assert [node.ended for node in smaller.nodes] == [None, LATER, LATER]
    larger = smaller.resized(GROUP, LATER)
    assert len(larger.live) == 3
    assert not {node.id for node in larger.live[1:]} & {node.id for node in group.nodes}


def test_named_nodes_leave_and_the_count_follows() -> None:
    group = instance_group(GROUP, NOW)
    left = group.without([group.nodes[1].ec2_id], LATER)
    assert [node.ended for node in left.nodes] == [None, LATER, None]
    assert left.config["InstanceCount"] == 2
    assert left.resized(left.config, LATER) == left


def test_a_fleet_has_as_many_nodes_of_its_first_type_as_reach_the_target() -> None:
    config = {"InstanceFleetType": "CORE", "InstanceTypeConfigs": TYPES, "TargetOnDemandCapacity": 9}
    fleet = instance_fleet({**config, "TargetSpotCapacity": 4}, NOW)
    assert [(node.type, node.market) for node in fleet.nodes] == [("m5.xlarge", ON_DEMAND)] * 3 + [("m5.xlarge", SPOT)]
    assert (fleet.capacity(ON_DEMAND), fleet.capacity(SPOT)) == (12, 4)


def test_a_group_that_is_resized_for_ever_does_not_grow_for_ever() -> None:
    group = instance_group(GROUP, NOW)
    for number in range(100):
        group = group.resized({**GROUP, "InstanceCount": 1 + number % 2 * 5}, LATER)
    assert len(group.nodes) < 120
    assert len(group.live) == 6
