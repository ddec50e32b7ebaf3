"""The embedded lab's EMR: an engine whose steps are processes of this machine."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
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
def opened_engine(place: Place, watch: StepWatch | None = None, *, keep: bool = False) -> Iterator[EmrEngine]:
    """The engine for the length of the block. At its end everything that still runs is ended, unless `keep`."""
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
    finally:
        engine.close(terminate=not keep)
        store.close()


def end_leftovers(engine: EmrEngine) -> int:
    """End the clusters that a killed run left behind, with the processes of their steps; returns how many."""
    alive = engine.list_clusters({"ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]})["Clusters"]
    if alive:
        ids = [cluster["Id"] for cluster in alive]
        engine.set_termination_protection({"JobFlowIds": ids, "TerminationProtected": False})
        engine.terminate_job_flows({"JobFlowIds": ids})
    for cluster in alive:
        engine.wait_for_cluster(cluster["Id"], ["TERMINATED", "TERMINATED_WITH_ERRORS"], 60)
    return len(alive)


def create_cluster(engine: EmrEngine, settings: Settings) -> str:
    """A cluster that waits for steps, after those that make its HDFS folders and Hive tables; returns its id."""
    response = engine.run_job_flow(
        {
            "Name": "lakelab",
            "ReleaseLabel": RELEASE,
            "LogUri": settings.log_uri,
            "Applications": [{"Name": "Hadoop"}, {"Name": "Hive"}, {"Name": "Spark"}],
            "Instances": {"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1, "MasterInstanceType": "m5.xlarge"},
            "Steps": read_steps(STEPS / "setup_steps.json", settings),
        }
    )
    return str(response["JobFlowId"])


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


def wait_for_steps(engine: EmrEngine, cluster_id: str, step_ids: list[str] | None, settings: Settings) -> None:
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
