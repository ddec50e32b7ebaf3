"""The embedded lab's EMR: an engine whose steps are processes of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from lab.embedded.place import Place
from lab.embedded.spark import Spark
from lab.timeline import Part, Timeline
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, Settings
from services.aws.emr.engine import EmrEngine, Event
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.store import SqliteStore

BIN = REPOSITORY / "lab" / "embedded" / "bin"
STEPS = REPOSITORY / "dags" / "EMR"
ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
RELEASE = "emr-7.13.0"


def read_steps(path: Path, settings: Settings) -> list[dict[str, Any]]:
    """Steps from a file as Airflow renders it: `{{ var.value.bucket_name }}` is the bucket."""
    try:
        text = path.read_text(encoding="utf-8")
        variables = {"value": {"bucket_name": settings.bucket}}
        rendered = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render(var=variables)
        steps = json.loads(rendered)
    except FileNotFoundError:
        raise LabError("no such file of steps", where=str(path)) from None
    except jinja2.TemplateError as error:
        raise LabError(f"cannot render: {error}", where=str(path), fix="only var.value.bucket_name is known") from None
    except ValueError as error:
        raise LabError(f"not JSON: {error}", where=str(path), fix="write a list of steps") from None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise LabError("not a list of steps", where=str(path), fix="write a list of steps, as AddJobFlowSteps takes it")
    return steps


@contextlib.contextmanager
def opened_engine(place: Place, watch: StepWatch | None = None) -> Iterator[EmrEngine]:
    """The engine for the length of the block. A block that fails ends every cluster; else they go on waiting."""
    variables = Spark(place).environment()
    store = SqliteStore(place.emr / "state.db")
    engine = EmrEngine(
        store,
        LocalExecutor(place.emr / "steps"),
        place.storage,
        environment=lambda cluster, step: variables,
        path=[BIN],
        on_event=watch.on_event if watch else None,
    )
    try:
        yield engine
    except BaseException:
        engine.close(terminate=True)
        raise
    finally:
        engine.close()
        store.close()


@dataclass(frozen=True)
class Ready:
    """A cluster to add steps to, and the steps of its setup that may not have ended yet."""

    id: str
    setup: list[str]


def ready_cluster(engine: EmrEngine, settings: Settings) -> Ready:
    """A cluster that takes steps: the standing one, or a new one that makes HDFS folders and tables first.

    The standing cluster of a run that ended well is used again unless what sets it up has changed. Those of a run
    that was killed are ended, with the processes of their steps.
    """
    setup = read_steps(STEPS / "setup_steps.json", settings)
    mark = {"Key": "setup", "Value": _fingerprint()}
    standing = None
    for summary in engine.list_clusters({"ClusterStates": ALIVE})["Clusters"]:
        cluster = engine.describe_cluster({"ClusterId": summary["Id"]})["Cluster"]
        if standing is None and cluster["Status"]["State"] == "WAITING" and mark in cluster.get("Tags", []):
            standing = str(cluster["Id"])
        else:
            _end(engine, str(cluster["Id"]))
    return Ready(standing, []) if standing else _new_cluster(engine, settings, setup, mark)


def _fingerprint() -> str:
    """Of all that sets a cluster up, so that a change of it is noticed."""
    files = [STEPS / "setup_steps.json", *sorted((REPOSITORY / "hive").glob("[0-9]_*"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _end(engine: EmrEngine, cluster_id: str) -> None:
    engine.set_termination_protection({"JobFlowIds": [cluster_id], "TerminationProtected": False})
    engine.terminate_job_flows({"JobFlowIds": [cluster_id]})
    engine.wait_for_cluster(cluster_id, ["TERMINATED", "TERMINATED_WITH_ERRORS"], 60)


def _new_cluster(engine: EmrEngine, settings: Settings, setup: list[dict[str, Any]], mark: dict[str, str]) -> Ready:
    response = engine.run_job_flow(
        {
            "Name": "lakelab",
            "ReleaseLabel": RELEASE,
            "LogUri": settings.log_uri,
            "Applications": [{"Name": "Hadoop"}, {"Name": "Hive"}, {"Name": "Spark"}],
            "Instances": {"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1, "MasterInstanceType": "m5.xlarge"},
            "Steps": setup,
            "Tags": [mark],
        }
    )
    steps = engine.list_steps({"ClusterId": response["JobFlowId"]})["Steps"]
    return Ready(str(response["JobFlowId"]), [step["Id"] for step in steps])


def run_steps(engine: EmrEngine, ready: Ready, steps: list[dict[str, Any]], settings: Settings) -> None:
    """Run steps once the setup is done. LabError for the first that does not complete."""
    _wait(engine, ready.id, ready.setup, settings)
    response = engine.add_job_flow_steps({"JobFlowId": ready.id, "Steps": steps})
    _wait(engine, ready.id, response["StepIds"], settings)


class StepWatch:
    """Shows steps as they run, and lets one wait for them."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._parts: dict[str, Part] = {}
        self._running: dict[str, threading.Event] = {}

    def on_event(self, event: Event) -> None:
        if event.step is None:
            return
        step, state = event.step, str(event.step.state.value)
        if state == "RUNNING" and step.id not in self._parts:
            self._parts[step.id] = self._timeline.begin(step.name)
            self._parts[step.id].log = f"{event.cluster.id}/steps/{step.id}"
            self._running.setdefault(step.name, threading.Event()).set()
        elif state in ENDED and step.id in self._parts:
            self._parts.pop(step.id).end(state)

    def when_running(self, name: str) -> threading.Event:
        """Set once a step of that name has begun."""
        return self._running.setdefault(name, threading.Event())


def _wait(engine: EmrEngine, cluster_id: str, step_ids: list[str], settings: Settings) -> None:
    """Return when all have completed. LabError for the first that has not, with its reason and its log's address."""
    for step in engine.wait_for_steps(cluster_id, step_ids):
        if step["Status"]["State"] != "COMPLETED":
            raise _failure(step, cluster_id, settings)


def _failure(step: dict[str, Any], cluster_id: str, settings: Settings) -> LabError:
    details = step["Status"].get("FailureDetails", {})
    reason = details.get("Message") or details.get("Reason") or "no reason given"
    log = details.get("LogFile") or f"{settings.log_uri}{cluster_id}/steps/{step['Id']}/stderr.gz"
    state = step["Status"]["State"].lower()
    return LabError(f"step {step['Name']!r} {state}: {reason}", where=log, fix=f"run `lab emr logs {step['Id']}`")
