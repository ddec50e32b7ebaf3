"""What the page shows, in the shapes of the API: every look and every change is a call of its operations."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.aws.console import commands
from services.aws.emr import logs
from services.aws.emr.engine import EmrEngine
from services.aws.emr.errors import InvalidRequestException
from services.aws.emr.executor import Part, Span
from services.aws.server.service import Service

Shown = dict[str, Any]
_PAGE = 50
_PAGES_AT_ONCE = 20  # a search looks through so many of AWS's pages before it asks whether to go on
_BOOTSTRAP = re.compile(r"bootstrap-([1-9]\d?)")


@dataclass(frozen=True)
class Listing:
    """Which part of a list is wanted: those in `states` whose name or id has `search` in it, older than `after`."""

    states: Sequence[str] = ()
    search: str = ""
    after: str | None = None


class Views:
    """The operations of the API as the page uses them. AwsError: what the API answers to a bad request."""

    def __init__(self, service: Service, engine: EmrEngine, endpoint: str) -> None:
        self._service, self._engine, self._endpoint = service, engine, endpoint

    @property
    def version(self) -> str:
        """Changes whenever anything may look different."""
        return self._engine.version

    def clusters(self, listing: Listing) -> Shown:
        return self._found("ListClusters", "Clusters", {}, "ClusterStates", listing)

    def cluster(self, cluster_id: str) -> Shown:
        by_id = {"ClusterId": cluster_id}
        found = self._call("DescribeCluster", by_id)
        nodes = "Fleets" if found["Cluster"]["InstanceCollectionType"] == "INSTANCE_FLEET" else "Groups"
        for operation in (
            "ListBootstrapActions",
            f"ListInstance{nodes}",
            "GetAutoTerminationPolicy",
            "GetManagedScalingPolicy",
        ):
            found |= self._call(operation, by_id)
        return self._dated(found)

    def steps(self, cluster_id: str, listing: Listing) -> Shown:
        return self._found("ListSteps", "Steps", {"ClusterId": cluster_id}, "StepStates", listing)

    def step(self, cluster_id: str, step_id: str) -> Shown:
        """A step, or a bootstrap action as one, with its commands and the addresses of its logs."""
        cluster = self._call("DescribeCluster", {"ClusterId": cluster_id})["Cluster"]
        number = _BOOTSTRAP.fullmatch(step_id)
        if number:
            return self._dated({"Cluster": cluster, **self._bootstrap_action(cluster, int(number[1]))})
        step = self._call("DescribeStep", {"ClusterId": cluster_id, "StepId": step_id})["Step"]
        again = commands.add_steps(cluster_id, step, self._engine.region, self._endpoint)
        folder = f"{cluster_id}/steps/{step_id}"
        return self._dated(
            {
                "Cluster": cluster,
                "Step": step,
                "Command": commands.ran(step["Config"]),
                "Again": again,
                "Logs": _addresses(cluster, folder),
            }
        )

    def log(self, cluster_id: str, step_id: str, name: str, span: Span) -> Part:
        return self._engine.log_part(cluster_id, step_id, name, span)

    def cancel(self, cluster_id: str, step_id: str, option: str) -> Shown:
        """Whether AWS's own word for it is SUBMITTED or FAILED, with the reason."""
        request = {"ClusterId": cluster_id, "StepIds": [step_id], "StepCancellationOption": option}
        (info,) = self._call("CancelSteps", request)["CancelStepsInfoList"]
        return dict(info)

    def terminate(self, cluster_id: str) -> Shown:
        return self._call("TerminateJobFlows", {"JobFlowIds": [cluster_id]})

    def _call(self, operation: str, request: Mapping[str, Any]) -> Shown:
        return dict(self._service.call(operation, request) or {})

    def _dated(self, shown: Shown) -> Shown:
        """With the time of this machine, by which the page counts how long something has been going on."""
        return {**shown, "Now": round(time.time(), 3)}

    def _found(self, operation: str, name: str, request: Shown, states: str, listing: Listing) -> Shown:
        """One page of a list. AWS has no search by name, so pages are looked through until one is full; `Looked` tells
        how many records that took, and the Marker of the next page is that of the last record which was looked at.
        """
        if listing.states:
            request = {**request, states: list(listing.states)}
        wanted, found, looked, marker = _matching(listing.search), list[Shown](), 0, listing.after
        for _ in range(_PAGES_AT_ONCE):
            answer = self._call(operation, {**request, **({"Marker": marker} if marker else {})})
            marker = answer.get("Marker")
            for record in answer[name]:
                looked += 1
                if wanted(record):
                    found.append(record)
                    if len(found) == _PAGE and (marker or record is not answer[name][-1]):
                        return self._dated({name: found, "Looked": looked, "Marker": record["Id"]})
            if marker is None:
                break
        return self._dated({name: found, "Looked": looked, **({"Marker": marker} if marker else {})})

    def _bootstrap_action(self, cluster: Shown, number: int) -> Shown:
        actions = self._call("ListBootstrapActions", {"ClusterId": cluster["Id"]})["BootstrapActions"]
        if number > len(actions):
            raise InvalidRequestException(f"Bootstrap action {number} does not exist.")
        action = actions[number - 1]
        config = {"Jar": action["ScriptPath"], "Args": action["Args"]}
        folder = f"{cluster['Id']}/node/master/bootstrap-actions/{number}"
        return {"BootstrapAction": action, "Command": commands.ran(config), "Logs": _addresses(cluster, folder)}


def _matching(search: str) -> Callable[[Shown], bool]:
    wanted = search.strip().casefold()
    return lambda record: wanted in record["Name"].casefold() or wanted in record["Id"].casefold()


def _addresses(cluster: Shown, folder: str) -> Mapping[str, str | None]:
    """Where each log is published; None for each when nobody asked for logs."""
    uri = cluster.get("LogUri")
    return {name: f"{uri.rstrip('/')}/{folder}/{name}.gz" if uri else None for name in logs.NAMES}
