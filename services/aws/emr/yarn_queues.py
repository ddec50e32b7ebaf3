"""A queue of YARN for each cluster, as large as the cluster has nodes: its share of the lab's workers.

The CapacityScheduler's queues are changed while it runs ("Scheduler Configuration Mutation API" and "Cluster Scheduler
API" in Hadoop's documentation of the ResourceManager). An application finds its queue by a tag, whatever queue its
program names ("application tag based placement": services/hadoop/conf/hadoop, and `yarn.tags`).
"""

from __future__ import annotations

import math
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from services.aws.emr.yarn import Yarn, queue

_OWN = queue("j-")
_ALL = 100.0
_CLOSE = 0.01  # of a hundredth; YARN keeps a float of four bytes
# A queue's only user may take all of it; without, no more than what is guaranteed to it.
_ONE_USER = {"user-limit-factor": "1000"}


@dataclass(frozen=True)
class Settled:
    """needs: how many workers' memory the applications of each cluster have and wait for.  whole: whether nothing is
    left to be done.
    """

    needs: Mapping[str, int]
    whole: bool = True


class Shares(Protocol):
    """What the nodes of a cluster are worth."""

    def settle(self, workers: Mapping[str, int | None]) -> Settled:
        """Give each of these clusters the share of so many workers, None: of all, and all others nothing any more.
        OSError when that cannot be done now. What is as it shall be is left alone.
        """
        ...


class YarnQueues:
    """Shares by queues of the ResourceManager at `yarn`."""

    def __init__(self, yarn: Yarn) -> None:
        self._yarn = yarn

    def settle(self, workers: Mapping[str, int | None]) -> Settled:
        metrics = self._yarn.call("GET", "/ws/v1/cluster/metrics")["clusterMetrics"]
        there, memory = int(metrics["activeNodes"]), int(metrics["totalMB"])
        queues = self._queues()
        wanted = {queue(cluster_id): _largest(count, there) for cluster_id, count in workers.items()}
        surplus = {name: found for name, found in queues.items() if name not in wanted}
        self._change(
            added={name: largest for name, largest in wanted.items() if name not in queues},
            updated={
                name: largest
                for name, largest in wanted.items()
                if name in queues and abs(queues[name]["maxCapacity"] - largest) > _CLOSE
            },
            stopped=[name for name, found in surplus.items() if found["state"] == "RUNNING"],
        )
        gone = [self._gone(name, found) for name, found in surplus.items()]
        needs = {
            cluster_id: math.ceil(_memory(queues[queue(cluster_id)]) * there / memory)
            for cluster_id in workers
            if memory and queue(cluster_id) in queues
        }
        return Settled(needs, all(gone))

    def _queues(self) -> dict[str, Any]:
        found = self._yarn.call("GET", "/ws/v1/cluster/scheduler")["scheduler"]["schedulerInfo"]["queues"]["queue"]
        return {each["queueName"]: each for each in found if each["queueName"].startswith(_OWN)}

    def _change(self, added: Mapping[str, float], updated: Mapping[str, float], stopped: list[str]) -> None:
        if added or updated or stopped:
            updates = [_entry(name, {"maximum-capacity": f"{largest:.3f}"}) for name, largest in updated.items()]
            updates += [_entry(name, {"state": "STOPPED"}) for name in stopped]
            new = [
                _entry(name, {"capacity": "1w", "maximum-capacity": f"{largest:.3f}", **_ONE_USER})
                for name, largest in added.items()
            ]
            self._mutate({"add-queue": new, "update-queue": updates})

    def _gone(self, name: str, found: Mapping[str, Any]) -> bool:
        """Take away a stopped queue, and first what a cluster that is over left running in it; whether it is gone."""
        if found["numApplications"]:
            for application in self._yarn.alive(name):
                self._yarn.kill(application)
            return False
        try:
            self._mutate({"remove-queue": [f"root.{name}"]})
        except urllib.error.HTTPError:  # an application came meanwhile
            return False
        return True

    def _mutate(self, changes: Mapping[str, Any]) -> None:
        self._yarn.change("/ws/v1/cluster/scheduler-conf", {name: each for name, each in changes.items() if each})


def _largest(workers: int | None, there: int) -> float:
    """The share in hundredths of so many of the workers that are there; rounded so that they fit."""
    if workers is None or workers >= there:
        return _ALL
    return math.ceil(_ALL * 1000 * workers / there) / 1000


def _entry(name: str, properties: Mapping[str, str]) -> dict[str, Any]:
    pairs = [{"key": key, "value": value} for key, value in properties.items()]
    return {"queue-name": f"root.{name}", "params": {"entry": pairs}}


def _memory(found: Mapping[str, Any]) -> int:
    """MB that a queue's applications have and wait for."""
    usages = found["resources"]["resourceUsagesByPartition"]
    return sum(int(usage[kind]["memory"]) for usage in usages for kind in ("used", "pending"))
