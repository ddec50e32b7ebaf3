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

from services.aws.emr import rules
from services.aws.emr.errors import InternalServerException
from services.aws.emr.executor import Executor
from services.aws.emr.idle import IdleTimes
from services.aws.emr.model import (
    STEP_ENDED,
    STEP_STARTED,
    Cluster,
    ClusterState,
    Reason,
    Step,
    StepState,
)
from services.aws.emr.provisioning import Provisioning
from services.aws.emr.steps_at_work import RETRY_SECONDS, Patience, StepsAtWork
from services.aws.emr.store import StateStore
from services.aws.emr.watcher import Watcher
from services.aws.emr.work import StepWork
from services.aws.emr.yarn_queues import Shares

_log = logging.getLogger(__name__)
_RECENT = 50  # steps among which the one that ended last is looked for


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
        monotonic: Callable[[], float],
        patience: Patience,
        on_event: Callable[[Event], None] | None,
        shares: Shares | None,
    ) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self._store, self._executor, self._clock, self._on_event = store, executor, clock, on_event
        self._events: deque[Event] = deque()
        self._watcher = Watcher(executor)
        self._steps = StepsAtWork(
            store, executor, work, self._watcher, clock=clock, monotonic=monotonic, patience=patience,
            lock=self.lock, commit=self.commit,
        )  # fmt: skip
        self._nodes = Provisioning(
            store, shares, clock=clock, monotonic=monotonic, lock=self.lock, commit=self.commit, wake=self._watcher.wake
        )
        self._idle = IdleTimes(clock, monotonic)
        self.stopping = False
        self.commits = 0
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
            self.commits += 1
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
            self._release()
            self._steps.find_late_logs()
            while not self.stopping:
                pause: float | None = None
                try:
                    while self._pass() and not self.stopping:
                        self._tell()
                    self._steps.look_at_late_logs()
                except InternalServerException as error:  # a fault outside of us, such as a full disk: one line
                    _log.error("the EMR scheduler tries again: %s", error)
                    pause = RETRY_SECONDS
                except Exception:
                    _log.exception("the EMR scheduler could not go on; it tries again")
                    pause = RETRY_SECONDS
                self._tell()
                if not self.stopping:
                    self._watcher.wait(pause or self._pause())
        finally:
            self._finish()

    def _finish(self) -> None:
        self._steps.close()
        self._nodes.close()
        self._tell()
        self._watcher.close()

    def _pause(self) -> float | None:
        """Seconds until something is due by the time alone; None when nothing is."""
        try:
            live = self._store.clusters(live_only=True)
        except InternalServerException:
            return RETRY_SECONDS
        ids = {cluster.id for cluster in live}
        self._idle.keep(ids)
        self._steps.keep(ids)
        waits = [left for cluster in live if (left := self._idle.left(cluster)) is not None]
        waits += [*self._steps.due_in(), *self._nodes.due_in()]
        return max(0.0, min(waits)) if waits else None

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
        moved = self._nodes.look()
        for cluster in self._store.clusters(live_only=True):
            moved |= self._steps.look(cluster)
            moved |= self._steps.start(cluster.id)
            moved |= self._move_cluster(cluster.id)
        return moved

    def _move_cluster(self, cluster_id: str) -> bool:
        with self.lock:
            cluster, steps = self._read(cluster_id)
            now = self._clock()
            if cluster.state is ClusterState.STARTING:
                if not self._nodes.ready(cluster):
                    return False
                self.commit(cluster.to(ClusterState.BOOTSTRAPPING, rules.BOOTSTRAPPING, now))
            elif cluster.state is ClusterState.BOOTSTRAPPING:
                if any(step.bootstrap and step.state not in STEP_ENDED for step in steps):
                    return False
                self.commit(cluster.to(ClusterState.RUNNING, rules.RUNNING, now))
            elif cluster.state is ClusterState.TERMINATING:
                return self._terminate(cluster, steps)
            else:
                left = self._idle.left(cluster)
                idle_over = left is not None and left <= 0
                target = rules.rest_state(cluster, steps, idle_over=idle_over) or self._at_rest(cluster, steps)
                if target is None:
                    return False
                moved = cluster.to(*target, now)
                self._idle.left(moved)  # its time begins before anyone sees that it waits
                self.commit(moved)
        return True

    def _at_rest(self, cluster: Cluster, live: list[Step]) -> tuple[ClusterState, Reason] | None:
        """Where a cluster goes that has nothing to do; None while it has, or when it is there."""
        if live or (cluster.state is ClusterState.WAITING and cluster.keep_alive):
            return None
        if cluster.keep_alive:
            last = self._steps.last(cluster.id)
            return ClusterState.WAITING, rules.waiting(
                [last] if last else self._store.step_page(cluster.id, size=_RECENT)
            )
        failed = self._store.step_page(cluster.id, states=[StepState.FAILED], size=1)
        return ClusterState.TERMINATING, rules.STEPS_WITH_ERRORS if failed else rules.STEPS_COMPLETED

    def _release(self) -> None:
        """Let the machine of the steps remove what it keeps of clusters that are over."""
        self._executor.only([cluster.id for cluster in self._store.clusters(live_only=True)])

    def _terminate(self, cluster: Cluster, steps: list[Step]) -> bool:
        now = self._clock()
        pending = rules.cancelled(steps, rules.CLUSTER_TERMINATED, now)
        started = [step for step in steps if step.state in STEP_STARTED]
        if pending:
            self.commit(*pending)
        for step in started:
            self._steps.end(step)
        if not started:
            fatal = cluster.reason.fatal
            end = ClusterState.TERMINATED_WITH_ERRORS if fatal else ClusterState.TERMINATED
            self.commit(cluster.to(end, cluster.reason, now))
            self._release()
        return bool(pending) or not started

    def _read(self, cluster_id: str) -> tuple[Cluster, list[Step]]:
        cluster = self._store.cluster(cluster_id)
        assert cluster is not None, cluster_id
        return cluster, self._store.live_steps(cluster_id)
