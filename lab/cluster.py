"""The cluster that the lab's pipelines run on, on whatever EMR: the embedded engine, the stack's endpoint, or AWS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jinja2

from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, Settings

STEPS = REPOSITORY / "dags" / "EMR"
ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
RELEASE = "emr-7.13.0"


def read_steps(path: Path, settings: Settings, **more: str) -> list[dict[str, Any]]:
    """Steps from a file as Airflow renders it: `{{ var.value.bucket_name }}` is the bucket. more: other variables."""
    try:
        text = path.read_text(encoding="utf-8")
        variables = {"value": {"bucket_name": settings.bucket, **more}}
        rendered = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render(var=variables)
        steps = json.loads(rendered)
    except FileNotFoundError:
        raise LabError("no such file of steps", where=str(path)) from None
    except jinja2.TemplateError as error:
        known = ", ".join(f"var.value.{name}" for name in variables["value"])
        raise LabError(f"cannot render: {error}", where=str(path), fix=f"only {known} is known") from None
    except ValueError as error:
        raise LabError(f"not JSON: {error}", where=str(path), fix="write a list of steps") from None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise LabError("not a list of steps", where=str(path), fix="write a list of steps, as AddJobFlowSteps takes it")
    return steps


class Emr(Protocol):
    """What is needed of an EMR: requests and answers in the shapes of AWS, and waiting."""

    def list_clusters(self, request: Mapping[str, Any], /) -> dict[str, Any]: ...
    def describe_cluster(self, request: Mapping[str, Any], /) -> dict[str, Any]: ...
    def set_termination_protection(self, request: Mapping[str, Any], /) -> Any: ...
    def terminate_job_flows(self, request: Mapping[str, Any], /) -> Any: ...
    def run_job_flow(self, request: Mapping[str, Any], /) -> dict[str, Any]: ...
    def list_steps(self, request: Mapping[str, Any], /) -> dict[str, Any]: ...
    def add_job_flow_steps(self, request: Mapping[str, Any], /) -> dict[str, Any]: ...
    def cancel_steps(self, request: Mapping[str, Any], /) -> Any: ...
    def wait_for_steps(self, cluster_id: str, step_ids: Sequence[str], /) -> list[dict[str, Any]]: ...
    def wait_for_cluster(self, cluster_id: str, states: Sequence[str], timeout: float | None, /) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Ready:
    """A cluster to add steps to, and the steps of its setup that may not have ended yet."""

    id: str
    setup: list[str]


def ready_cluster(emr: Emr, settings: Settings, *, alone: bool = True) -> Ready:
    """A cluster that takes steps: the standing one, or a new one that makes HDFS folders and tables first.

    The standing cluster is used again unless what sets it up has changed or did not succeed.
    alone: nobody else uses this EMR, so that steps of a busy cluster are left from a run that was killed. They are
    cancelled with their processes, or ended with the cluster where it was not set up yet; so are all other clusters.
    Otherwise only clusters of the lab's own are.
    """
    setup = read_steps(STEPS / "setup_steps.json", settings)
    mark = {"Key": "setup", "Value": _fingerprint()}
    standing = None
    for summary in list(all_clusters(emr, ClusterStates=ALIVE)):  # all of them first: some are ended on the way
        cluster_id = str(summary["Id"])
        tags = emr.describe_cluster({"ClusterId": cluster_id})["Cluster"].get("Tags", [])
        fits = standing is None and mark in tags
        found = _taken(emr, cluster_id, len(setup), alone=alone) if fits else None
        if found:
            standing = found
        elif alone or any(tag["Key"] == mark["Key"] for tag in tags):
            _end(emr, cluster_id)
    return standing or _new_cluster(emr, settings, setup, mark)


def _taken(emr: Emr, cluster_id: str, setup_steps: int, *, alone: bool) -> Ready | None:
    """The cluster, at rest if we are `alone`. None: its setup failed, or, alone, has not ended, or it finds no rest."""
    states = {step["Id"]: str(step["Status"]["State"]) for step in all_steps(emr, cluster_id)}
    setup = list(states)[: -setup_steps - 1 : -1]  # the newest come first
    if any(states[step_id] in ENDED - {"COMPLETED"} for step_id in setup):
        return None
    left = [step_id for step_id in setup if states[step_id] != "COMPLETED"]
    if alone and (left or not _freed(emr, cluster_id, states)):
        return None
    return Ready(cluster_id, left)


def _freed(emr: Emr, cluster_id: str, states: Mapping[str, str]) -> bool:
    """Cancel what the cluster still has to do, and kill what it does; False when it does not come to rest."""
    busy = [step_id for step_id, state in states.items() if state not in ENDED]
    if busy:
        emr.cancel_steps({"ClusterId": cluster_id, "StepIds": busy, "StepCancellationOption": "TERMINATE_PROCESS"})
    ends = ["WAITING", "TERMINATED", "TERMINATED_WITH_ERRORS"]
    return bool(emr.wait_for_cluster(cluster_id, ends, 60)["Cluster"]["Status"]["State"] == "WAITING")


def all_clusters(emr: Emr, **asked: Any) -> Iterator[dict[str, Any]]:
    """Summaries of the clusters, newest first, page after page. asked: as ListClusters takes it."""
    for page in _pages(emr.list_clusters, asked):
        yield from page["Clusters"]


def all_steps(emr: Emr, cluster_id: str) -> Iterator[dict[str, Any]]:
    """Every step of a cluster, newest first, page after page."""
    for page in _pages(emr.list_steps, {"ClusterId": cluster_id}):
        yield from page["Steps"]


def _pages(call: Callable[[Mapping[str, Any]], dict[str, Any]], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    page = call(request)
    yield page
    while page.get("Marker"):
        page = call({**request, "Marker": page["Marker"]})
        yield page


def _fingerprint() -> str:
    """Of all that sets a cluster up, so that a change of it is noticed."""
    files = [STEPS / "setup_steps.json", *sorted((REPOSITORY / "hive").glob("[0-9]_*"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _end(emr: Emr, cluster_id: str) -> None:
    emr.set_termination_protection({"JobFlowIds": [cluster_id], "TerminationProtected": False})
    emr.terminate_job_flows({"JobFlowIds": [cluster_id]})
    emr.wait_for_cluster(cluster_id, ["TERMINATED", "TERMINATED_WITH_ERRORS"], 60)


def start_job_flow(
    emr: Emr, settings: Settings, name: str, steps: list[dict[str, Any]], mark: dict[str, str], *, keep_alive: bool
) -> str:
    """Start a cluster of one node with these steps; returns its id.

    mark: the tag by which it is found.  keep_alive: whether it waits for more when it has none left.
    """
    response = emr.run_job_flow(
        {
            "Name": name,
            "ReleaseLabel": RELEASE,
            "LogUri": settings.log_uri,
            "Applications": [{"Name": "Hadoop"}, {"Name": "Hive"}, {"Name": "Spark"}],
            "Instances": {
                "KeepJobFlowAliveWhenNoSteps": keep_alive, "InstanceCount": 1, "MasterInstanceType": "m5.xlarge",
            },
            "JobFlowRole": "EMR_EC2_DefaultRole",
            "ServiceRole": "EMR_DefaultRole",
            "Steps": steps,
            "Tags": [mark],
        }
    )  # fmt: skip
    return str(response["JobFlowId"])


def _new_cluster(emr: Emr, settings: Settings, setup: list[dict[str, Any]], mark: dict[str, str]) -> Ready:
    cluster_id = start_job_flow(emr, settings, "lakelab", setup, mark, keep_alive=True)
    return Ready(cluster_id, [step["Id"] for step in all_steps(emr, cluster_id)][::-1])


def run_steps(emr: Emr, ready: Ready, steps: list[dict[str, Any]], settings: Settings) -> None:
    """Run steps once the setup is done. LabError for the first that does not complete."""
    wait(emr, ready.id, ready.setup, settings)
    response = emr.add_job_flow_steps({"JobFlowId": ready.id, "Steps": steps})
    wait(emr, ready.id, response["StepIds"], settings)


def wait(emr: Emr, cluster_id: str, step_ids: list[str], settings: Settings) -> None:
    """Return when all have completed. LabError for the first that has not, with its reason and its log's address."""
    for step in emr.wait_for_steps(cluster_id, step_ids):
        if step["Status"]["State"] != "COMPLETED":
            raise _failure(step, cluster_id, settings)


def _failure(step: dict[str, Any], cluster_id: str, settings: Settings) -> LabError:
    details = step["Status"].get("FailureDetails", {})
    reason = details.get("Message") or details.get("Reason") or "no reason given"
    log = details.get("LogFile") or f"{settings.log_uri}{cluster_id}/steps/{step['Id']}/stderr.gz"
    state = step["Status"]["State"].lower()
    return LabError(f"step {step['Name']!r} {state}: {reason}", where=log, fix=f"run `lab emr logs {step['Id']}`")
