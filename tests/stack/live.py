"""The stack that the tests of this folder work on: one of its own, or the running one of this clone.

Its school is that of the embedded lab's tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from demo_lab import SEED, STUDENTS
from polling import poll_until
from testcontainers.compose import DockerCompose

from lab.cluster import all_steps
from lab.stack import compose, killing
from lab.stack.addresses import HALVES
from lab.stack.compose import Compose, Container
from lab.stack.environment import ensure_environment, read_environment
from lab.stack.place import Stack
from lab.stack.show import memory_by_service
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

DAG = "unload_erp"
PATIENCE = 900  # seconds for a run of the pipeline on a busy machine; it takes two minutes on an idle one
ENDED = {"success", "failed"}


@dataclass(frozen=True)
class Kill:
    """A kill -9 in the middle of a run. `when` waits for its moment, given the run and the number of steps before it.

    program: a word of the command line of what is killed; everything in the service without one.
    host: tells then which of several containers of the service it is, by its host name.
    """

    service: str
    when: Callable[[Live, str, int], object]
    program: str = ""
    host: Callable[[Live], str] = lambda _: ""


@dataclass(frozen=True)
class Killed:
    """A run of the pipeline in which servers were killed: how it ended, and the steps that it added."""

    run_id: str
    state: str
    steps: list[dict[str, Any]]


@dataclass(frozen=True)
class Live:
    """A running stack, by testcontainers' Compose and by the lab's own clients."""

    compose: DockerCompose
    stack: Stack
    at_start: dict[str, float]  # bytes in use of each service right after its first start; empty for a stack that ran
    halves: list[str]  # those that run

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LAB_STACK_ENV": str(self.stack.environment.path), "COLUMNS": "200"}

    @cached_property
    def description(self) -> Compose:
        return Compose(self.stack.environment, HALVES)

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The `lab` command, on this stack."""
        return subprocess.run(
            [sys.executable, "-m", "lab.cli", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def succeed(self, *arguments: str) -> str:
        done = self.lab(*arguments)
        assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, halves: Sequence[str]) -> None:
        """Start these halves too, if they do not run."""
        if set(halves) <= set(self.halves):
            return
        self.halves.extend(set(halves) - set(self.halves))
        began = time.monotonic()
        self.up()
        print(f"\nThe stack ({', '.join(self.halves)}) was well after {time.monotonic() - began:.0f} s.")
        self.at_start.update({name: used for name, used in self.memory().items() if name not in self.at_start})

    def up(self, *more: str) -> str:
        """`make up` of the halves that the tests have come to."""
        alone = () if set(self.halves) == set(HALVES) else ("--only", self.halves[0])
        return self.succeed("stack", "up", *alone, *more)

    def containers(self) -> list[Container]:
        return self.description.containers()

    def container(self, service: str, host: str = "") -> Container:
        """The first container of a service, or the one with that host name, with which its id begins."""
        return next(found for found in self.containers() if found.service == service and found.id.startswith(host))

    def memory(self) -> dict[str, float]:
        """Bytes in use by each running service, by all its containers."""
        return memory_by_service(self.containers())

    def sh(self, service: str, script: str) -> str:
        """What a shell inside a service prints, as the service's own user."""
        out, _, _ = self.compose.exec_in_container(["sh", "-c", script], service)
        return str(out)

    def inspect(self, service: str, host: str = "") -> dict[str, Any]:
        return compose.inspect(self.container(service, host))

    def kill(self, service: str, program: str = "", host: str = "") -> None:
        """kill -9 of everything in a service, or of the processes whose command line has a word."""
        killing.kill(self.container(service, host), program)

    def well_again(self, service: str, host: str = "") -> None:
        killing.wait_until_well(self.container(service, host))

    # The pipeline

    def start_pipeline(self, **conf: Any) -> str:
        return self.stack.airflow.trigger(DAG, conf)

    def state(self, run_id: str, dag: str = DAG) -> str:
        """The state of a run; "" while Airflow does not answer."""
        try:
            return str(self.stack.airflow.run(dag, run_id)["state"])
        except LabError:
            return ""

    def tasks(self, run_id: str, dag: str = DAG) -> dict[str, list[str]]:
        """The states of each task, of each step for the sensor; nothing while Airflow does not answer."""
        found: dict[str, list[str]] = {}
        try:
            for task in self.stack.airflow.tasks(dag, run_id):
                found.setdefault(task["task_id"], []).append(str(task["state"]))
        except LabError:
            pass
        return found

    def ended(self, run_id: str, dag: str = DAG) -> str:
        """Wait for the end of a run; returns its state."""
        return poll_until(lambda: (s := self.state(run_id, dag)) in ENDED and s, f"the end of {run_id}", PATIENCE) or ""

    def run_killing(self, *kills: Kill) -> Killed:
        """A whole run, with servers killed one after the other, each when those before are well again."""
        since = len(self.steps())
        run_id = self.start_pipeline()
        for kill in kills:
            kill.when(self, run_id, since)
            host = kill.host(self)
            self.kill(kill.service, kill.program, host)
            self.well_again(kill.service, host)
        return Killed(run_id, self.ended(run_id), self.steps()[since:])

    def step_runs(self, name: str, since: int) -> str:
        """Wait until a step of that name runs, beyond the first `since` steps; returns its id."""

        def look() -> str:
            steps = self.steps()[since:]
            return next((s["Id"] for s in steps if s["Name"] == name and s["Status"]["State"] == "RUNNING"), "")

        return poll_until(look, f"step {name!r} to run", PATIENCE)

    def proven(self) -> None:
        """Every table is the same in the three tiers."""
        out = self.succeed("verify", "--stack")
        assert "✗" not in out
        assert out.count("✓") == 11

    def steps(self) -> list[dict[str, Any]]:
        """All steps of the standing cluster, the oldest first."""
        return list(all_steps(self.stack.emr, self.cluster))[::-1]

    @cached_property
    def cluster(self) -> str:
        """The standing cluster. Asked once: Airflow may be away later."""
        return str(self.stack.airflow.call("GET", "/variables/emr_cluster_id")["value"])


def running_stack(folder: Path, halves: Sequence[str]) -> Iterator[Live]:
    """The stack for the session, with ports and secrets of its own in `folder`; skips where there can be none.

    halves: those that it begins with.
    """
    try:
        compose.require_engine()
    except LabError as error:
        pytest.skip(f"{error.what}: make engine")
    if os.environ.get("LAB_TEST_STACK") == "running":
        environment = read_environment()
        yield Live(_compose(environment.path), Stack(environment), {}, list(HALVES))
        return
    path = folder / ".env.local"
    os.environ.update({"LAB_STUDENTS": str(STUDENTS), "LAB_SEED": str(SEED)})
    environment = ensure_environment(path, project=f"lakelab-test-{os.getpid()}")
    missing = Compose(environment).missing_images()
    if missing:
        pytest.skip(f"images are not built ({', '.join(missing)}): make build")
    yield from _own_stack(Live(_compose(path), Stack(environment), {}, []), halves)


def _own_stack(live: Live, halves: Sequence[str]) -> Iterator[Live]:
    try:
        live.start(halves)
        yield live
    finally:
        if os.environ.get("LAB_TEST_STACK") != "keep":
            live.compose.stop(down=True)


def _compose(path: Path) -> DockerCompose:
    environment = read_environment(path)
    # What the shell has would win over the file. Compose reads the project's name out of it.
    for name in (*environment.values, "COMPOSE_FILE"):
        os.environ.pop(name, None)
    return DockerCompose(
        REPOSITORY, str(compose.FILE), env_file=[str(compose.VERSIONS), str(path)], profiles=list(HALVES)
    )
