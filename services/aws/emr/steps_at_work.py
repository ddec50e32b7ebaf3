"""Steps at work: started, looked at, told to end, and wound up when they have ended.

For the scheduler's one thread. What takes long is left to others: starting a step (it may have files to fetch), and
publishing its logs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.aws.emr import rules
from services.aws.emr.errands import Errands, Key
from services.aws.emr.executor import Away, Executor, Phase, Sighting
from services.aws.emr.late import LateLogs
from services.aws.emr.model import (
    STEP_ENDED,
    STEP_STARTED,
    CancelOption,
    Cluster,
    ClusterState,
    Step,
    StepState,
)
from services.aws.emr.store import StateStore
from services.aws.emr.watcher import Watcher
from services.aws.emr.work import Launch, StepWork, WoundUp

_log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0  # after a fault of the store, such as a full disk, and when the machine for a step is away
_LAUNCHES, _ENDS = 16, 4  # steps that are started, and whose logs are published, at the same time


@dataclass(frozen=True)
class Patience:
    """Seconds.  interrupt: that a step may take to end after SIGTERM, before it is killed.  logs: until logs that could
    not be published are tried again, twice as long each time.
    """

    interrupt: float = 300.0
    logs: float = 30.0


PATIENCE = Patience()


class StepsAtWork:
    """lock: held by whoever decides on a record.  commit: makes changes durable, and wakes the scheduler."""

    def __init__(
        self,
        store: StateStore,
        executor: Executor,
        work: StepWork,
        watcher: Watcher,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        patience: Patience,
        lock: threading.RLock,
        commit: Callable[..., None],
    ) -> None:
        self._store, self._executor, self._work, self._watcher = store, executor, work, watcher
        self._clock, self._monotonic, self._patience = clock, monotonic, patience
        self._lock, self._commit = lock, commit
        self._launches: Errands[Launch] = Errands("launch", _LAUNCHES, watcher.wake)
        self._ends: Errands[WoundUp] = Errands("logs", _ENDS, watcher.wake)
        self._late = LateLogs(work.publish_late, patience.logs, monotonic, watcher.wake)
        self._signalled: dict[Key, tuple[CancelOption, float]] = {}
        self._launched: set[Key] = set()
        self._away: dict[Key, float] = {}  # until when not to try again
        self._last: dict[str, Step] = {}

    def last(self, cluster_id: str) -> Step | None:
        """The step of the cluster that ended last, if this engine has seen it."""
        return self._last.get(cluster_id)

    def keep(self, cluster_ids: Collection[str]) -> None:
        """Forget the last steps of all other clusters."""
        self._last = {cluster_id: step for cluster_id, step in self._last.items() if cluster_id in cluster_ids}

    def due_in(self) -> list[float]:
        """Seconds until each thing that is due by the time alone."""
        now = self._monotonic()
        due = list(self._away.values())
        due += [at + self._patience.interrupt for option, at in self._signalled.values() if _asked(option)]
        # What is overdue waits for a machine that is away.
        return [at - now if at > now else RETRY_SECONDS for at in due] + self._late.due_in()

    def close(self) -> None:
        """Wait for the threads, and keep what they have done."""
        for errands in (self._launches, self._ends, self._late):
            errands.close()
        try:
            for key in self._ends.done():
                self._end(key, self._ends.take(key))
        except Exception:  # the next engine publishes the logs again
            _log.exception("the end of a step could not be kept")

    def find_late_logs(self) -> None:
        """What a killed engine had begun: logs of steps that ended, and could not be or were not yet published."""
        for cluster_id, step_id in self._executor.kept():
            cluster, step = self._store.cluster(cluster_id), self._store.step(cluster_id, step_id)
            if cluster and step and step.state in STEP_ENDED and cluster.log_uri:
                self._late.add(cluster, step, at_once=True)

    def look_at_late_logs(self) -> None:
        for cluster_id, step_id in self._late.look():
            with self._lock:
                step = self._store.step(cluster_id, step_id)
                if step and (changed := rules.published_late(step)) != step:
                    self._commit(changed)

    def look(self, cluster: Cluster) -> bool:
        """Look at the steps that were started; whether one has ended."""
        moved = False
        for step in self._store.live_steps(cluster.id):
            if step.state in STEP_STARTED:
                moved |= self._look_at(cluster, step)
        return moved

    def start(self, cluster_id: str) -> bool:
        """Start those that may start now; whether there were any."""
        with self._lock:
            cluster, steps = self._read(cluster_id)
            chosen = [step.to(StepState.RUNNING, self._clock()) for step in rules.startable(cluster, steps)]
            if not chosen:
                return False
            records: list[Cluster | Step] = list(chosen)
            if cluster.state is ClusterState.WAITING:
                records.insert(0, cluster.to(ClusterState.RUNNING, rules.RUNNING, self._clock()))
            self._commit(*records)
        for step in chosen:
            self._launch(cluster, step)
        return True

    def end(self, step: Step) -> None:
        """End a step of a cluster that is being terminated."""
        if (step.cluster_id, step.id) not in self._ends:
            self._kill(step, CancelOption.TERMINATE_PROCESS)

    def _look_at(self, cluster: Cluster, step: Step) -> bool:
        key = (cluster.id, step.id)
        if key in self._ends:
            return key in self._ends.done() and self._end(key, self._ends.take(key))
        cancel = step.cancel if cluster.state is not ClusterState.TERMINATING else None
        if key in self._launches and not self._launch_ended(cluster, step):
            if cancel:
                self._cancel(step, cancel)
            return False
        folder = self._executor.folder(*key)
        self._watcher.add(folder)
        seen = self._executor.poll(folder)
        if seen.phase is Phase.RUNNING:
            if cancel:
                self._cancel(step, cancel)
        elif seen.phase is Phase.ABSENT:
            self._launch_late(cluster, step, folder)
        else:
            self._wind_up(cluster, step, seen)
        return False

    def _launch(self, cluster: Cluster, step: Step) -> None:
        """Start a step that is RUNNING in the store."""
        key = (cluster.id, step.id)
        self._launched.add(key)
        self._launches.send(key, self._work.launch, cluster, step)

    def _launch_ended(self, cluster: Cluster, step: Step) -> bool:
        """Whether the step was started, and can be looked at."""
        key = (cluster.id, step.id)
        if key not in self._launches.done():
            return False
        launch = self._launches.take(key)
        if launch.away:
            self._launched.discard(key)
            self._away[key] = self._monotonic() + RETRY_SECONDS
        if launch.problem is not None:
            self._wind_up(cluster, step, Sighting(Phase.LOST), launch.problem)
        return launch.problem is None and not launch.away

    def _launch_late(self, cluster: Cluster, step: Step, folder: Path) -> None:
        """A step that is RUNNING in the store and nowhere else: the engine died, or the machine was away, before it
        was started. Another runner may be about to claim the folder; only one of the two will run the step.
        """
        key = (cluster.id, step.id)
        if key in self._launched:
            self._wind_up(cluster, step, Sighting(Phase.LOST), "the step's folder was removed while it ran")
        elif step.state is StepState.CANCEL_PENDING or cluster.state is ClusterState.TERMINATING:
            self._executor.prepare(folder)
            if self._kill(step, CancelOption.TERMINATE_PROCESS):
                self._wind_up(cluster, step, Sighting(Phase.LOST, cancelled=True))
        elif self._away.get(key, 0.0) <= self._monotonic():
            self._away.pop(key, None)
            self._launch(cluster, step)

    def _cancel(self, step: Step, option: CancelOption) -> None:
        """What a cancelled step that still runs gets: the signal, and the end if it ignores that for too long."""
        sent, at = self._signalled.get((step.cluster_id, step.id), (None, 0.0))
        if _asked(option) and sent is option and self._monotonic() - at >= self._patience.interrupt:
            if self._kill(step, CancelOption.TERMINATE_PROCESS):
                self._work.note(step, f"Did not end within {self._patience.interrupt:.0f} s of SIGTERM: killed")
        elif sent is not CancelOption.TERMINATE_PROCESS:
            self._kill(step, option)

    def _kill(self, step: Step, option: CancelOption) -> bool:
        """Send a step the signal, once for each kind; one that has not begun will not begin. False when it is too
        early, or the machine is away: it is sent again later.
        """
        key = (step.cluster_id, step.id)
        if self._signalled.get(key, (None, 0.0))[0] is option:
            return True
        folder = self._executor.folder(*key)
        try:
            if not folder.is_dir():
                return False
            self._executor.kill(folder, force=option is CancelOption.TERMINATE_PROCESS)
        except Away:
            return False
        self._signalled[key] = (option, self._monotonic())
        return True

    def _wind_up(self, cluster: Cluster, step: Step, seen: Sighting, problem: str | None = None) -> None:
        """Have the logs of a step that ended published. It counts as running until they are, or cannot be."""
        key = (step.cluster_id, step.id)
        self._watcher.remove(self._executor.folder(*key))
        self._ends.send(key, self._work.wind_up, cluster, step, seen, problem)

    def _end(self, key: Key, wound_up: WoundUp) -> bool:
        """Commit a step's end with all that follows from it."""
        seen, trouble = wound_up.seen, wound_up.trouble
        with self._lock:
            cluster, steps = self._read(key[0])
            step = next(one for one in steps if one.id == key[1])
            end = rules.StepEnd(seen.cancelled, seen.phase is Phase.LOST, wound_up.failure, trouble, seen.code)
            ended = rules.ended(cluster, step, end, seen.ended or self._clock())
            self._last[cluster.id] = ended
            self._commit(*rules.consequences(cluster, ended, steps, end, self._clock()))
        self._signalled.pop(key, None)
        self._launched.discard(key)
        self._away.pop(key, None)
        if trouble is None:
            self._work.forget(cluster, step)
        elif cluster.log_uri:
            self._late.add(cluster, ended)
        return True

    def _read(self, cluster_id: str) -> tuple[Cluster, list[Step]]:
        cluster = self._store.cluster(cluster_id)
        assert cluster is not None, cluster_id
        return cluster, self._store.live_steps(cluster_id)


def _asked(option: CancelOption) -> bool:
    """Whether the step was asked to end, and not made to."""
    return option is CancelOption.SEND_INTERRUPT
