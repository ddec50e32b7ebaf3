"""The one thread that moves an engine's clusters and steps.

It sleeps until a request or the end of a step's process wakes it. Each change is committed to the store before it
shows; a change of several records (a step fails, the queue is cancelled, the cluster ends) is one commit. Requests
change records too, so whoever decides on a record holds `lock` and reads it from the store first.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.aws.emr import rules
from services.aws.emr.errors import InternalServerException
from services.aws.emr.executor import Away, Executor, Phase, Sighting
from services.aws.emr.model import (
    STEP_ENDED,
    STEP_STARTED,
    CancelOption,
    Cluster,
    ClusterState,
    Reason,
    Step,
    StepState,
)
from services.aws.emr.store import StateStore
from services.aws.emr.watcher import Watcher
from services.aws.emr.work import StepWork

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0  # after a fault of the store, such as a full disk
_RECENT = 50  # steps among which the one that ended last is looked for
_LONGEST_WAIT = 60.0  # seconds until idle clusters are looked at again: the clock of a machine may be set


@dataclass(frozen=True)
class Event:
    """A change that was committed. `step` is None for a change of the cluster itself."""

    cluster: Cluster
    step: Step | None = None

    @property
    def state(self) -> ClusterState | StepState:
        return self.step.state if self.step else self.cluster.state


class Scheduler:
    def __init__(
        self,
        store: StateStore,
        executor: Executor,
        work: StepWork,
        clock: Callable[[], datetime],
        on_event: Callable[[Event], None] | None,
    ) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self._store, self._executor, self._work, self._clock = store, executor, work, clock
        self._on_event = on_event
        self._events: deque[Event] = deque()
        self._watcher = Watcher(executor)
        self._signalled: dict[tuple[str, str], CancelOption] = {}
        self._launched: set[tuple[str, str]] = set()
        self.stopping = False
        self._thread = threading.Thread(target=self._run, name="emr-scheduler", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its present pass. Steps go on running."""
        with self.lock:
            self.stopping = True
            self.changed.notify_all()
        self._watcher.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def commit(self, *records: Cluster | Step) -> None:
        """Save the records at once, tell those who wait, and queue the events. Wakes the scheduler."""
        with self.lock:
            self._store.save(*records)
            for record in records:
                if isinstance(record, Cluster):
                    self._events.append(Event(record))
                else:
                    cluster = next(
                        (r for r in records if isinstance(r, Cluster) and r.id == record.cluster_id), None
                    ) or self._store.cluster(record.cluster_id)
                    assert cluster is not None, record.cluster_id
                    self._events.append(Event(cluster, record))
            self.changed.notify_all()
        self._watcher.wake()

    def _run(self) -> None:
        try:
            self._tidy()
            while not self.stopping:
                pause: float | None = None
                try:
                    while self._pass() and not self.stopping:
                        self._tell()
                except InternalServerException as error:  # a fault outside of us, such as a full disk: one line
                    _log.error("the EMR scheduler tries again: %s", error)
                    pause = _RETRY_SECONDS
                except Exception:
                    _log.exception("the EMR scheduler could not go on; it tries again")
                    pause = _RETRY_SECONDS
                self._tell()
                if not self.stopping:
                    self._watcher.wait(pause or self._until_idle_enough())
        finally:
            self._watcher.close()

    def _until_idle_enough(self) -> float | None:
        """Seconds until the next idle cluster is to end; None when none is."""
        try:
            ends = [end for cluster in self._store.clusters(live_only=True) if (end := rules.idle_end(cluster))]
        except InternalServerException:
            return _RETRY_SECONDS
        if not ends:
            return None
        return min(max((min(ends) - self._clock()).total_seconds(), 0.0), _LONGEST_WAIT)

    def _tidy(self) -> None:
        """Finish what a killed engine had begun: publish and remove the logs of steps that ended."""
        for cluster_id, step_id in self._executor.kept():
            cluster, step = self._store.cluster(cluster_id), self._store.step(cluster_id, step_id)
            if cluster and step and step.state in STEP_ENDED:
                self._work.tidy(cluster, step)

    def _tell(self) -> None:
        while self._events:
            event = self._events.popleft()
            if self._on_event:
                try:
                    self._on_event(event)
                except Exception:
                    _log.exception("on_event failed")

    def _pass(self) -> bool:
        """One look at everything alive; whether anything moved."""
        moved = False
        for cluster in self._store.clusters(live_only=True):
            moved |= self._look_at_steps(cluster)
            moved |= self._start_steps(cluster.id)
            moved |= self._move_cluster(cluster.id)
        return moved

    def _look_at_steps(self, cluster: Cluster) -> bool:
        moved = False
        for step in self._store.live_steps(cluster.id):
            if step.state not in STEP_STARTED:
                continue
            folder = self._executor.folder(cluster.id, step.id)
            self._watcher.add(folder)
            seen = self._executor.poll(folder)
            if seen.phase is Phase.RUNNING:
                if step.cancel and cluster.state is not ClusterState.TERMINATING:
                    self._kill(step, step.cancel)
                continue
            if seen.phase is not Phase.ABSENT:
                self._end(step, seen)
            elif not self._launch_late(cluster, step, folder):
                continue
            self._watcher.remove(folder)
            moved = True
        return moved

    def _start_steps(self, cluster_id: str) -> bool:
        with self.lock:
            cluster, steps = self._read(cluster_id)
            chosen = [step.to(StepState.RUNNING, self._clock()) for step in rules.startable(cluster, steps)]
            if not chosen:
                return False
            records: list[Cluster | Step] = list(chosen)
            if cluster.state is ClusterState.WAITING:
                records.insert(0, cluster.to(ClusterState.RUNNING, rules.RUNNING, self._clock()))
            self.commit(*records)
        for step in chosen:
            self._launch(cluster, step)
        return True

    def _launch(self, cluster: Cluster, step: Step) -> bool:
        """Start a step that is RUNNING in the store. False when the machine for it is away: later, then."""
        key = (cluster.id, step.id)
        self._launched.add(key)
        try:
            problem = self._work.launch(cluster, step)
        except Away:
            self._launched.discard(key)
            return False
        if problem is not None:
            self._end(step, Sighting(Phase.LOST), problem)
        return True

    def _launch_late(self, cluster: Cluster, step: Step, folder: Path) -> bool:
        """A step that is RUNNING in the store and nowhere else: the engine died, or the machine was away, before it
        was started. Another runner may be about to claim the folder; only one of the two will run the step.
        """
        if (cluster.id, step.id) in self._launched:
            self._end(step, Sighting(Phase.LOST), "the step's folder was removed while it ran")
        elif step.state is StepState.CANCEL_PENDING or cluster.state is ClusterState.TERMINATING:
            self._executor.prepare(folder)
            if not self._kill(step, CancelOption.TERMINATE_PROCESS):
                return False
            self._end(step, Sighting(Phase.LOST, cancelled=True))
        else:
            return self._launch(cluster, step)
        return True

    def _kill(self, step: Step, option: CancelOption) -> bool:
        """Send a step the signal, once for each kind. False when the machine is away: it is sent again later."""
        key = (step.cluster_id, step.id)
        if self._signalled.get(key) is option:
            return True
        try:
            self._executor.kill(self._executor.folder(*key), force=option is CancelOption.TERMINATE_PROCESS)
        except Away:
            return False
        self._signalled[key] = option
        return True

    def _end(self, step: Step, seen: Sighting, problem: str | None = None) -> None:
        """Publish the logs of a step that ended, then commit its end with all that follows from it."""
        cluster, _ = self._read(step.cluster_id)
        trouble, failure = self._work.wind_up(cluster, step, seen, problem)
        with self.lock:
            cluster, steps = self._read(step.cluster_id)
            step = next(one for one in steps if one.id == step.id)
            end = rules.StepEnd(seen.cancelled, seen.phase is Phase.LOST, failure, trouble, seen.code)
            ended = rules.ended(cluster, step, end, seen.ended or self._clock())
            self.commit(*rules.consequences(cluster, ended, steps, end, self._clock()))
        self._signalled.pop((step.cluster_id, step.id), None)
        self._launched.discard((step.cluster_id, step.id))
        if trouble is None:
            self._work.forget(cluster, step)

    def _move_cluster(self, cluster_id: str) -> bool:
        with self.lock:
            cluster, steps = self._read(cluster_id)
            now = self._clock()
            if cluster.state is ClusterState.STARTING:
                self.commit(cluster.to(ClusterState.BOOTSTRAPPING, rules.BOOTSTRAPPING, now))
            elif cluster.state is ClusterState.BOOTSTRAPPING:
                if any(step.bootstrap and step.state not in STEP_ENDED for step in steps):
                    return False
                self.commit(cluster.to(ClusterState.RUNNING, rules.RUNNING, now))
            elif cluster.state is ClusterState.TERMINATING:
                return self._terminate(cluster, steps)
            else:
                target = rules.rest_state(cluster, steps, now) or self._at_rest(cluster, steps)
                if target is None:
                    return False
                self.commit(cluster.to(*target, now))
        return True

    def _at_rest(self, cluster: Cluster, live: list[Step]) -> tuple[ClusterState, Reason] | None:
        """Where a cluster goes that has nothing to do; None while it has, or when it is there."""
        if live or (cluster.state is ClusterState.WAITING and cluster.keep_alive):
            return None
        if cluster.keep_alive:
            return ClusterState.WAITING, rules.waiting(self._store.step_page(cluster.id, size=_RECENT))
        failed = self._store.step_page(cluster.id, states=[StepState.FAILED], size=1)
        return ClusterState.TERMINATING, rules.STEPS_WITH_ERRORS if failed else rules.STEPS_COMPLETED

    def _terminate(self, cluster: Cluster, steps: list[Step]) -> bool:
        now = self._clock()
        pending = rules.cancelled(steps, rules.CLUSTER_TERMINATED, now)
        started = [step for step in steps if step.state in STEP_STARTED]
        if pending:
            self.commit(*pending)
        for step in started:
            self._kill(step, CancelOption.TERMINATE_PROCESS)
        if not started:
            fatal = cluster.reason.fatal
            end = ClusterState.TERMINATED_WITH_ERRORS if fatal else ClusterState.TERMINATED
            self.commit(cluster.to(end, cluster.reason, now))
        return bool(pending) or not started

    def _read(self, cluster_id: str) -> tuple[Cluster, list[Step]]:
        cluster = self._store.cluster(cluster_id)
        assert cluster is not None, cluster_id
        return cluster, self._store.live_steps(cluster_id)
