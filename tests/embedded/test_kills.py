"""A run that is killed at any point can be run again, over what the killed one left, and ends right."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo_lab import Lab
from polling import poll_until

from lab.embedded.postgres import OWNER, Postgres
from services.aws.emr.store import SqliteStore

HDFS = "hdfs/dev/data/ERP"
WAREHOUSE = "hdfs/user/hive/warehouse/data_dev_5data.db"


def steps(lab: Lab) -> dict[str, tuple[str, str]]:
    """Number → name and state of every step that the lab's EMR knows, in order."""
    path = lab.home / "emr" / "state.db"
    if not path.exists():
        return {}
    store = SqliteStore(path)
    try:
        found = [step for cluster in store.clusters() for step in store.steps(cluster.id)]
    finally:
        store.close()
    return {step.id: (step.name, str(step.state.value)) for step in found}


@contextlib.contextmanager
def locked(lab: Lab, table: str) -> Iterator[Callable[[], bool]]:
    """Holds a table of the ERP: whoever wants it stops there. Yields a check whether somebody waits for it."""
    with Postgres(lab.place).running() as postgres:
        holder, looker = postgres.connect(OWNER), postgres.connect(OWNER)
        looker.autocommit = True
        holder.cursor().execute(f"LOCK TABLE public.{table} IN ACCESS EXCLUSIVE MODE")

        def waited_for() -> bool:
            with looker.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL")
                return bool(cursor.fetchone()[0])

        try:
            yield waited_for
        finally:
            holder.close()
            looker.close()


@contextlib.contextmanager
def seen(lab: Lab, pattern: str) -> Iterator[Callable[[], bool]]:
    """Yields a check whether a path of the lab is there that was not there before."""
    before = set(lab.home.glob(pattern))
    yield lambda: bool(set(lab.home.glob(pattern)) - before)


@contextlib.contextmanager
def step_in(lab: Lab, name: str, state: str) -> Iterator[Callable[[], bool]]:
    """Yields a check whether a new step whose name begins so is in a state."""
    before = set(steps(lab))

    def reached() -> bool:
        new = (step for number, step in steps(lab).items() if number not in before)
        return any(step[0].startswith(name) and step[1] == state for step in new)

    yield reached


@dataclass(frozen=True)
class Phase:
    """A phase of a run: the command, a watch for the phase, and whether the children are killed as well."""

    name: str
    command: str
    watch: Callable[[Lab], contextlib.AbstractContextManager[Callable[[], bool]]]
    group: bool


PHASES = [
    Phase("s3-dist-cp copies", "demo", lambda lab: step_in(lab, "Copy", "RUNNING"), group=True),
    Phase("the ERP is loaded", "demo", lambda lab: locked(lab, "lessons"), group=False),
    Phase("the ERP is unloaded", "run", lambda lab: locked(lab, "events"), group=True),
    Phase("students.py writes", "demo", lambda lab: seen(lab, f"{HDFS}/_STUDENTS.new"), group=False),
    Phase("the public students are written", "run", lambda lab: seen(lab, f"{WAREHOUSE}/_students_*.new"), group=True),
    Phase("the marts are published", "demo", lambda lab: seen(lab, f"{WAREHOUSE}/_mart_*.new"), group=False),
    Phase("proof and report", "run", lambda lab: step_in(lab, "Marts", "COMPLETED"), group=True),
]


@pytest.mark.timeout(600)
def test_a_run_killed_in_each_of_its_phases_can_be_run_again_and_ends_right(fresh_lab, demo_lab):
    for phase in PHASES:
        with phase.watch(fresh_lab) as reached:
            process = fresh_lab.start(phase.command)

            def there(check=reached, killed=process) -> bool:
                assert killed.poll() is None, killed.communicate()
                return check()

            poll_until(there, phase.name, 200)
            if phase.group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait(20)
        assert "killed before its end" in fresh_lab.succeed("status")
    fresh_lab.succeed("demo")
    assert fresh_lab.checksums() == demo_lab.first_checksums()
    assert answers(fresh_lab.home / "answers.json") == answers(demo_lab.home.parent / "first_answers.json")
    assert unfinished(fresh_lab) == []
    poll_until(lambda: fresh_lab.processes() == [], "the end of all processes", 20)
    assert "failed" not in fresh_lab.succeed("status")


def answers(path: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(path.read_text())
    return found


def unfinished(lab: Lab) -> list[str]:
    """Files that writers leave when they are killed, outside of Postgres and of Spark's own folders."""
    patterns = ("seed", ".seed.*", "clean", "unload/*", "unload/.*", "s3/**/.writing-*", "hdfs/**/.writing-*")
    return [str(path) for pattern in (*patterns, "hdfs/**/_*.new") for path in lab.home.glob(pattern)]
