"""Ending a run in a chosen one of its phases."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from demo_lab import Lab
from polling import poll_until

from lab.embedded.postgres import OWNER, Postgres
from services.aws.emr.store import SqliteStore


@dataclass(frozen=True)
class Phase:
    """A phase of a run: the command, a watch for the phase, and whether the children are killed as well."""

    name: str
    command: str
    watch: Callable[[Lab], contextlib.AbstractContextManager[Callable[[], bool]]]
    group: bool


def kill_in(lab: Lab, phase: Phase) -> None:
    """Start a run and kill it in that phase."""
    with phase.watch(lab) as reached, lab.started(phase.command) as process:

        def there() -> bool:
            assert process.poll() is None, process.communicate()
            return reached()

        poll_until(there, phase.name, 300)
        if phase.group:
            os.killpg(process.pid, signal.SIGKILL)


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
def step_runs(lab: Lab, name: str) -> Iterator[Callable[[], bool]]:
    """Yields a check whether a new step runs whose name begins so."""
    before = set(steps(lab))

    def reached() -> bool:
        new = (step for number, step in steps(lab).items() if number not in before)
        return any(step[0].startswith(name) and step[1] == "RUNNING" for step in new)

    yield reached


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
