"""An EMR engine in a temporary folder, and the small steps that its tests run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polling import poll_until

from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine, Event
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.store import SqliteStore

NODES = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
# The least that RunJobFlow takes.
MINIMAL = {
    "Name": "lab",
    "ReleaseLabel": "emr-7.13.0",
    "Instances": NODES,
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}
PATIENCE = 60.0  # seconds, on a machine that is busy with other things too


def step(*args: str, name: str = "step", action: str | None = "CONTINUE", jar: str = "command-runner.jar") -> dict:
    config = {"Name": name, "HadoopJarStep": {"Jar": jar, "Args": list(args)}}
    return {**config, "ActionOnFailure": action} if action else config


def shell(script: str, **more: Any) -> dict:
    return step("bash", "-c", script, **more)


class Emr:
    """An engine with its folder; `restart` builds the next one on the same state."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.storage = FolderStorage(root)
        self.storage.create_bucket("logs")
        self.events: list[Event] = []
        self.engine: EmrEngine | None = None
        self.gates: list[Gate] = []

    def start(self, **settings: Any) -> EmrEngine:
        self.store = SqliteStore(self.root / "emr" / "state.db")
        self.executor = self.make_executor()
        settings.setdefault("on_event", self.events.append)
        self.engine = EmrEngine(self.store, self.executor, self.storage, **settings)
        return self.engine

    def make_executor(self) -> LocalExecutor:
        return LocalExecutor(self.root / "emr" / "steps")

    def stop(self, *, terminate: bool = False) -> None:
        if self.engine:
            self.engine.close(terminate=terminate)
            self.store.close()
            self.engine = None

    def cluster(self, *steps: dict, keep: bool = True, wait: bool = True, **more: Any) -> str:
        """Start a cluster with a log folder, and wait until it takes steps."""
        instances = {**NODES, "KeepJobFlowAliveWhenNoSteps": keep, **more.pop("instances", {})}
        request = {**MINIMAL, "LogUri": "s3://logs", "Instances": instances, "Steps": list(steps), **more}
        cluster_id = self.engine.run_job_flow(request)["JobFlowId"]
        if wait and not steps:
            self.engine.wait_for_cluster(cluster_id, timeout=PATIENCE)
        return cluster_id

    def add(self, cluster_id: str, *steps: dict) -> list[str]:
        return self.engine.add_job_flow_steps({"JobFlowId": cluster_id, "Steps": list(steps)})["StepIds"]

    def ended(self, cluster_id: str, step_ids: list[str] | None = None) -> list[dict]:
        """The steps' Status once all have ended."""
        return [s["Status"] for s in self.engine.wait_for_steps(cluster_id, step_ids, timeout=PATIENCE)]

    def run(self, cluster_id: str, *steps: dict) -> list[dict]:
        return self.ended(cluster_id, self.add(cluster_id, *steps))

    def state(self, cluster_id: str, step_id: str) -> str:
        return self.engine.describe_step({"ClusterId": cluster_id, "StepId": step_id})["Step"]["Status"]["State"]

    def states(self, cluster_id: str) -> list[str]:
        """States of all steps in order of creation."""
        listed = self.engine.list_steps({"ClusterId": cluster_id})["Steps"]
        return [one["Status"]["State"] for one in reversed(listed)]

    def status(self, cluster_id: str) -> dict:
        return self.engine.describe_cluster({"ClusterId": cluster_id})["Cluster"]["Status"]

    def over(self, cluster_id: str) -> dict:
        """The cluster's Status once it has ended."""
        states = ("TERMINATED", "TERMINATED_WITH_ERRORS")
        return self.engine.wait_for_cluster(cluster_id, states, PATIENCE)["Cluster"]["Status"]

    def running(self, cluster_id: str, step_id: str) -> None:
        poll_until(lambda: self.state(cluster_id, step_id) == "RUNNING", "the step to run")

    def gate(self, name: str = "gate") -> Gate:
        self.gates.append(Gate(self.root / name))
        return self.gates[-1]


class Gate:
    """Holds a step: `wait` in its script blocks until `open`; `reached` returns once a step has come to it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # bash heeds a trap when `read` is interrupted, but not one that was sprung just before: so it looks anew.
        self.wait = f"while read -r -t 1 _; [ $? -gt 128 ]; do :; done < {path}"
        self._held: int | None = None

    def reached(self) -> None:
        def try_open() -> bool:
            try:
                self._held = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads yet
                return False
            return True

        if self._held is None:
            poll_until(try_open, f"a step at {self.path.name}")

    def open(self) -> None:
        self.reached()
        os.write(self._held, b"go\n")
        self.close()

    def close(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


@pytest.fixture
def emr(tmp_path: Path) -> Iterator[Emr]:
    lab = Emr(tmp_path)
    lab.start()
    yield lab
    lab.stop(terminate=True)
    for gate in lab.gates:
        gate.close()
