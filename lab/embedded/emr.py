"""The embedded lab's EMR: an engine in this process whose steps are processes of this machine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from lab.cluster import ENDED
from lab.embedded.configuration import settings_for
from lab.embedded.place import Place
from lab.embedded.spark import Spark
from lab.timeline import Part, Timeline
from lakelab.settings import REPOSITORY
from services.aws.emr.engine import EmrEngine, Event
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.store import SqliteStore

BIN = REPOSITORY / "lab" / "embedded" / "bin"


@contextlib.contextmanager
def opened_engine(place: Place, watch: StepWatch | None = None) -> Iterator[EmrEngine]:
    """The engine for the length of the block. A block that fails ends every cluster; else they go on waiting."""
    variables = Spark(place).environment()
    store = SqliteStore(place.emr / "state.db")
    engine = EmrEngine(
        store,
        LocalExecutor(place.emr / "steps"),
        place.storage,
        environment=lambda cluster, step: settings_for(cluster, variables, place.emr / "conf"),
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
            if step.name in self._running:
                self._running[step.name].set()
        elif state in ENDED and step.id in self._parts:
            self._parts.pop(step.id).end(state)

    def when_running(self, name: str) -> threading.Event:
        """Set once a step of that name begins after this call: one before it may be left from a killed run."""
        return self._running.setdefault(name, threading.Event())
