"""Nodes that come and go: by a resize, and by managed scaling; and what YARN is told of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from emr_lab import Emr, shell
from polling import poll_until
from test_emr_policies import Clock

from services.aws.emr.nodes import NodeGroup, instance_fleet, instance_group
from services.aws.emr.scaling import scaled
from services.aws.emr.yarn import Yarn
from services.aws.emr.yarn_queues import Settled, YarnQueues

NOW = Clock().now
PRIMARY = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
CORE = {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 1}
TASK = {"InstanceRole": "TASK", "InstanceType": "m5.2xlarge", "InstanceCount": 1, "Market": "SPOT"}


def limits(least: int, most: int, unit: str = "Instances", **more: int) -> dict[str, Any]:
    bounds = {"UnitType": unit, "MinimumCapacityUnits": least, "MaximumCapacityUnits": most, **more}
    return {"ComputeLimits": bounds}


def groups(*configs: Mapping[str, Any]) -> tuple[NodeGroup, ...]:
    return tuple(instance_group(config, NOW) for config in configs)


def counts(found: tuple[NodeGroup, ...]) -> list[int]:
    return [group.config["InstanceCount"] for group in found]


# What a policy makes of a need


def test_core_nodes_come_first_up_to_their_limit_and_then_task_nodes() -> None:
    there = groups(PRIMARY, CORE, TASK)
    assert counts(scaled(there, limits(1, 10, MaximumCoreCapacityUnits=3), need=7)) == [1, 3, 4]
    assert counts(scaled(there, limits(1, 10), need=7)) == [1, 6, 1]
    assert counts(scaled(there, limits(1, 10), need=70)) == [1, 9, 1]


def test_task_nodes_go_first_and_one_core_node_stays() -> None:
    there = groups(PRIMARY, {**CORE, "InstanceCount": 4}, {**TASK, "InstanceCount": 3})
    assert counts(scaled(there, limits(1, 10), need=5)) == [1, 4, 1]
    assert counts(scaled(there, limits(1, 10), need=0)) == [1, 1, 0]
    assert counts(scaled(there, limits(3, 10), need=0)) == [1, 3, 0]


def test_a_count_outside_the_limits_comes_into_them_whatever_is_needed() -> None:
    assert counts(scaled(groups(PRIMARY, CORE), limits(3, 5), need=1)) == [1, 3]
    assert counts(scaled(groups(PRIMARY, {**CORE, "InstanceCount": 9}), limits(3, 5), need=9)) == [1, 5]


def test_units_are_processors_where_the_policy_says_so() -> None:
    """An m5.xlarge has 4 of them, an m5.2xlarge 8."""
    there = groups(PRIMARY, CORE, TASK)
    assert counts(scaled(there, limits(4, 28, "VCPU", MaximumCoreCapacityUnits=12), need=9)) == [1, 3, 2]


def test_fleets_grow_on_demand_up_to_their_limit_and_then_by_spot() -> None:
    types = [{"InstanceType": "m5.xlarge", "WeightedCapacity": 2}]
    fleet = {"InstanceFleetType": "CORE", "TargetOnDemandCapacity": 2, "InstanceTypeConfigs": types}
    policy = limits(2, 20, "InstanceFleetUnits", MaximumOnDemandCapacityUnits=6)

    (grown,) = scaled((instance_fleet(fleet, NOW),), policy, need=5)

    assert (grown.config["TargetOnDemandCapacity"], grown.config["TargetSpotCapacity"]) == (6, 4)


def test_a_single_node_is_not_scaled() -> None:
    there = groups(PRIMARY)
    assert scaled(there, limits(2, 5), need=4) == there


# The engine


class Fake:
    """Shares that are given when `free`; `needs` is what the clusters' applications want."""

    def __init__(self) -> None:
        self.free, self.given, self.need = threading.Event(), dict[str, int | None](), 0
        self.away, self.refuses = False, False

    def settle(self, workers: Mapping[str, int | None]) -> Settled:
        self.free.wait(20)
        if self.away:
            raise OSError("nobody listens")
        if self.refuses:
            raise HTTPError("http://yarn", 400, "Bad Request", Message(), None)
        self.given = dict(workers)
        return Settled(dict.fromkeys(workers, self.need))


@pytest.fixture
def shares() -> Fake:
    return Fake()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lab(tmp_path: Path, shares: Fake, clock: Clock) -> Iterator[Emr]:
    lab = Emr(tmp_path)
    lab.start(shares=shares, clock=clock, monotonic=clock.monotonic)
    yield lab
    shares.free.set()
    shares.away = False
    for gate in lab.gates:
        gate.close()
    lab.stop(terminate=True)


def group(lab: Emr, cluster: str, role: str = "CORE") -> dict[str, Any]:
    found = lab.engine.list_instance_groups({"ClusterId": cluster})["InstanceGroups"]
    return next(each for each in found if each["InstanceGroupType"] == role)


def seen(lab: Emr, cluster: str) -> tuple[str, int, int]:
    """The core group's state, its nodes as asked for, and those that are there."""
    core = group(lab, cluster)
    return core["Status"]["State"], core["RequestedInstanceCount"], core["RunningInstanceCount"]


def resize(lab: Emr, cluster: str, count: int) -> None:
    change = {"InstanceGroupId": group(lab, cluster)["Id"], "InstanceCount": count}
    lab.engine.modify_instance_groups({"ClusterId": cluster, "InstanceGroups": [change]})


def with_groups(lab: Emr, **more: Any) -> str:
    request = {"Name": "lab", "ReleaseLabel": "emr-7.13.0", "JobFlowRole": "r", "ServiceRole": "s", **more}
    nodes = {"InstanceGroups": [PRIMARY, CORE], "KeepJobFlowAliveWhenNoSteps": True}
    return str(lab.engine.run_job_flow({**request, "Instances": nodes})["JobFlowId"])


def test_a_cluster_starts_when_it_has_its_share_and_loses_it_with_its_end(lab: Emr, shares: Fake) -> None:
    cluster = with_groups(lab)
    single = lab.cluster(wait=False)
    assert lab.status(cluster)["State"] == "STARTING"

    shares.free.set()

    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    lab.engine.wait_for_cluster(single, ["WAITING"], 20)
    assert shares.given == {cluster: 1, single: None}
    lab.engine.terminate_job_flows({"JobFlowIds": [cluster]})
    poll_until(lambda: shares.given == {single: None}, "the share to be taken back")


def test_a_group_is_resizing_until_the_share_is_there(lab: Emr, shares: Fake) -> None:
    shares.free.set()
    cluster = with_groups(lab)
    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    shares.free.clear()

    resize(lab, cluster, 3)

    assert seen(lab, cluster) == ("RESIZING", 3, 1)
    resize(lab, cluster, 2)
    assert seen(lab, cluster) == ("RESIZING", 2, 1)
    shares.free.set()
    poll_until(lambda: seen(lab, cluster) == ("RUNNING", 2, 2), "two nodes")
    assert shares.given[cluster] == 2
    resize(lab, cluster, 1)
    poll_until(lambda: seen(lab, cluster) == ("RUNNING", 1, 1), "one node")
    assert shares.given[cluster] == 1


def test_a_group_that_is_added_is_provisioning_until_then(lab: Emr, shares: Fake) -> None:
    shares.free.set()
    cluster = with_groups(lab)
    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    shares.free.clear()

    lab.engine.add_instance_groups({"JobFlowId": cluster, "InstanceGroups": [TASK]})

    task = group(lab, cluster, "TASK")
    assert (task["Status"]["State"], task["RunningInstanceCount"]) == ("PROVISIONING", 0)
    shares.free.set()
    poll_until(lambda: group(lab, cluster, "TASK")["Status"]["State"] == "RUNNING", "the task node")
    assert shares.given[cluster] == 2


def test_yarn_that_is_away_is_asked_again(lab: Emr, shares: Fake, clock: Clock) -> None:
    shares.away = True
    shares.free.set()
    cluster = with_groups(lab)
    poll_until(lambda: lab.engine._scheduler._nodes._held, "the refusal")
    shares.away = False
    assert lab.status(cluster)["State"] == "STARTING"

    clock.seconds += 1
    lab.engine.add_tags({"ResourceId": cluster, "Tags": [{"Key": "woken"}]})

    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)


def test_a_resize_that_one_engine_leaves_is_done_by_the_next(lab: Emr, shares: Fake) -> None:
    shares.free.set()
    cluster = with_groups(lab)
    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    shares.away = True
    resize(lab, cluster, 2)
    lab.stop()
    shares.away = False

    lab.start(shares=shares)

    poll_until(lambda: seen(lab, cluster) == ("RUNNING", 2, 2), "two nodes")
    assert shares.given[cluster] == 2


def test_a_yarn_that_gives_no_shares_keeps_no_cluster_from_starting(lab: Emr, shares: Fake) -> None:
    shares.refuses = True
    shares.free.set()
    cluster = with_groups(lab)
    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    assert shares.given == {}


def test_managed_scaling_follows_the_need_up_at_once_and_down_after_a_minute(
    lab: Emr, shares: Fake, clock: Clock
) -> None:
    shares.free.set()
    cluster = with_groups(lab, ManagedScalingPolicy=limits(1, 3))
    lab.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    gate = lab.gate()
    lab.add(cluster, shell(gate.wait))
    gate.reached()

    shares.need = 5
    clock.move(lab, 5)
    poll_until(lambda: seen(lab, cluster) == ("RUNNING", 3, 3), "three nodes")
    shares.need = 1
    clock.move(lab, 5)
    poll_until(lambda: cluster in lab.engine._scheduler._nodes._low_since, "the lesser need to be seen")
    assert seen(lab, cluster) == ("RUNNING", 3, 3)
    clock.move(lab, 59)
    poll_until(lambda: lab.engine._scheduler._nodes.due_in(), "one more look")
    assert seen(lab, cluster) == ("RUNNING", 3, 3)
    clock.move(lab, 5)
    poll_until(lambda: seen(lab, cluster) == ("RUNNING", 1, 1), "one node")
    assert shares.given[cluster] == 1
    gate.open()


def test_where_nodes_are_remembered_they_are_there_at_once_and_within_the_limits(emr: Emr) -> None:
    cluster = with_groups(emr, ManagedScalingPolicy=limits(2, 3))
    poll_until(lambda: seen(emr, cluster) == ("RUNNING", 2, 2), "the least of the policy")
    resize(emr, cluster, 9)
    poll_until(lambda: seen(emr, cluster) == ("RUNNING", 3, 3), "the most of the policy")


# YARN


class Scheduler(BaseHTTPRequestHandler):
    """The calls that queues are made by, over `queues`: name → properties, as the CapacityScheduler takes them."""

    queues: dict[str, dict[str, str]]
    loads: dict[str, tuple[int, int, int]]  # applications, MB in use, MB pending
    killed: list[str]
    mutations: list[dict[str, Any]]

    def do_GET(self) -> None:
        if self.path.endswith("/metrics"):
            self._answer({"clusterMetrics": {"activeNodes": 3, "totalMB": 3 * 3584}})
        elif "/apps?" in self.path:
            self._answer({"apps": {"app": [{"id": "application_1"}]}})
        else:
            self._answer({"scheduler": {"schedulerInfo": {"queues": {"queue": [*map(self._shown, self.queues)]}}}})

    def _shown(self, name: str) -> dict[str, Any]:
        applications, used, pending = self.loads.get(name, (0, 0, 0))
        usage = {"used": {"memory": used}, "pending": {"memory": pending}}
        return {
            "queueName": name, "maxCapacity": float(self.queues[name].get("maximum-capacity", "100")),
            "state": self.queues[name].get("state", "RUNNING"), "numApplications": applications,
            "resources": {"resourceUsagesByPartition": [usage]},
        }  # fmt: skip

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "/apps/" in self.path:
            self.killed.append(self.path.split("/")[-2])
            self._answer({})
            return
        self.mutations.append(body)
        for change in (*body.get("add-queue", ()), *body.get("update-queue", ())):
            properties = {pair["key"]: pair["value"] for pair in change["params"]["entry"]}
            self.queues.setdefault(change["queue-name"].removeprefix("root."), {}).update(properties)
        for path in body.get("remove-queue", ()):
            if self.queues[path.removeprefix("root.")].get("state") != "STOPPED":
                self._answer("not yet in stopped state", 400)
                return
            del self.queues[path.removeprefix("root.")]
        self._answer("Configuration change successfully applied.")

    def _answer(self, document: Any, status: int = 200) -> None:
        content = (document if isinstance(document, str) else json.dumps(document)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def manager() -> Iterator[type[Scheduler]]:
    kind = type("Handler", (Scheduler,), {"queues": {"default": {}}, "loads": {}, "killed": [], "mutations": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        kind.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield kind
        server.shutdown()


def test_each_cluster_has_a_queue_as_large_as_its_share(manager: type[Scheduler]) -> None:
    queues = YarnQueues(Yarn(manager.address))

    assert queues.settle({"j-ONE": 1, "j-ALL": None, "j-MANY": 40}).whole

    largest = {name: each.get("maximum-capacity") for name, each in manager.queues.items()}
    assert largest == {"default": None, "j-one": "33.334", "j-all": "100.000", "j-many": "100.000"}
    queues.settle({"j-ONE": 2, "j-ALL": None, "j-MANY": 40})
    assert manager.queues["j-one"]["maximum-capacity"] == "66.667"
    assert len(manager.mutations) == 2
    queues.settle({"j-ONE": 2, "j-ALL": None, "j-MANY": 40})
    assert len(manager.mutations) == 2  # nothing to change: YARN is left alone


def test_a_need_is_what_applications_have_and_wait_for_in_workers(manager: type[Scheduler]) -> None:
    queues = YarnQueues(Yarn(manager.address))
    queues.settle({"j-ONE": 1, "j-TWO": 1})
    manager.loads.update({"j-one": (2, 3500, 3584 + 85), "j-two": (1, 512, 0)})
    assert queues.settle({"j-ONE": 1, "j-TWO": 1}).needs == {"j-ONE": 3, "j-TWO": 1}


def test_a_queue_goes_with_its_cluster_once_what_ran_in_it_has_ended(manager: type[Scheduler]) -> None:
    queues = YarnQueues(Yarn(manager.address))
    queues.settle({"j-ONE": 1, "j-TWO": 1})
    manager.loads["j-one"] = (1, 512, 0)

    assert not queues.settle({}).whole

    assert manager.queues.keys() == {"default", "j-one"}
    assert manager.killed == ["application_1"]
    del manager.loads["j-one"]
    assert queues.settle({}).whole
    assert manager.queues.keys() == {"default"}


def test_nobody_at_yarns_address_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        YarnQueues(Yarn("http://127.0.0.1:1")).settle({"j-ONE": 1})
