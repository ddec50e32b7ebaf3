"""The EMR API as a library: one method per operation, dictionaries in AWS's shapes in and out.

Requests have the member names of the EMR API of 2009-03-31. The operations are in `operations`, by family; here is
what makes an engine of them, and what a program that holds the engine may ask beside the API.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lakelab.storage import Storage
from services.aws.emr import logs, shapes
from services.aws.emr.errors import InternalServerException
from services.aws.emr.executor import Executor, Part, Span
from services.aws.emr.model import CLUSTER_CLOSED, CLUSTER_ENDED, STEP_ENDED, Cluster, ClusterState, Step
from services.aws.emr.operations.clusters import ClusterOperations
from services.aws.emr.operations.instances import InstanceOperations
from services.aws.emr.operations.policies import PolicyOperations
from services.aws.emr.operations.releases import ReleaseOperations
from services.aws.emr.operations.security import SecurityOperations
from services.aws.emr.operations.steps import StepOperations
from services.aws.emr.operations.tags import TagOperations
from services.aws.emr.scheduler import Event, Scheduler
from services.aws.emr.shapes import Shape
from services.aws.emr.steps_at_work import PATIENCE, Patience
from services.aws.emr.store import StateStore
from services.aws.emr.work import StepWork
from services.aws.emr.yarn_queues import Shares

__all__ = ["EmrEngine", "Event", "Patience"]

_CLOSE_SECONDS = 30.0


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing(cluster: Cluster, step: Step) -> Mapping[str, str]:
    return {}


class EmrEngine(
    ClusterOperations,
    StepOperations,
    InstanceOperations,
    PolicyOperations,
    TagOperations,
    SecurityOperations,
    ReleaseOperations,
):
    """Clusters whose steps really run. On a store with state, goes on where the last engine stopped.

    environment: variables of a step, beside the few that it inherits (`executor.INHERITED`).  path: folders put
    first on a step's PATH.  on_event: told of each committed change, in order, by the engine's own thread.
    monotonic: seconds that only go on, for what counts from now.  patience: how long it waits for others.
    shares: what nodes are worth; None: they are remembered.
    Use it as a context manager, or call `close`.  LabError when another engine runs on the same state.
    """

    def __init__(
        self,
        store: StateStore,
        executor: Executor,
        storage: Storage,
        *,
        region: str = "eu-west-1",
        account: str = "000000000000",
        environment: Callable[[Cluster, Step], Mapping[str, str]] = _nothing,
        path: Sequence[Path] = (),
        on_event: Callable[[Event], None] | None = None,
        clock: Callable[[], datetime] = _now,
        monotonic: Callable[[], float] = time.monotonic,
        patience: Patience = PATIENCE,
        shares: Shares | None = None,
    ) -> None:
        store.claim()
        self.region, self.account = region, account
        self._store, self._storage, self._clock = store, storage, clock
        self._work = StepWork(executor, storage, environment, path, clock)
        self._born = secrets.token_hex(8)
        self._scheduler = Scheduler(store, executor, self._work, clock, monotonic, patience, on_event, shares)
        self._lock, self._changed = self._scheduler.lock, self._scheduler.changed
        self._scheduler.start()

    def __enter__(self) -> EmrEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, *, terminate: bool = False) -> None:
        """Stop the engine; the store can still be read. Running steps go on and are found again by the next engine,
        unless `terminate`: then every cluster is terminated first, protected or not, and its steps with it.
        """
        if terminate and not self._scheduler.stopping:
            with self._lock:
                live = self._store.clusters(live_only=True)
                self._shut_down([cluster for cluster in live if cluster.state not in CLUSTER_CLOSED])
                self._changed.wait_for(lambda: not self._store.clusters(live_only=True), _CLOSE_SECONDS)
        self._scheduler.stop()
        self._store.release()

    def is_well(self) -> bool:
        """Whether clusters and steps are moved, and the state can be read. Asks the store."""
        try:
            self._store.clusters(live_only=True)
        except InternalServerException:
            return False
        return self._scheduler.alive

    def step_log(self, cluster_id: str, step_id: str, name: str, limit: int | None = None) -> bytes:
        """A log of a step (`controller`, `syslog`, `stdout` or `stderr`), also while it runs; empty before that.

        limit: only so many of its last bytes.
        """
        _check_log(name)
        cluster = self._cluster({"ClusterId": cluster_id})
        return self._work.log(cluster, self._step(cluster, {"StepId": step_id}), name, limit)

    def log_part(self, cluster_id: str, step_id: str, name: str, span: Span) -> Part:
        """A piece of such a log, of a bootstrap action, too, whose step is `bootstrap-1` and so on; empty at first."""
        _check_log(name)
        cluster = self._cluster({"ClusterId": cluster_id})
        step = self._store.step(cluster.id, step_id) or self._step(cluster, {"StepId": step_id})
        return self._work.log_part(cluster, step, name, span) or Part(0, 0, b"")

    @property
    def version(self) -> str:
        """Another one after each change of a cluster or step: who has seen this one has seen all there is."""
        return f"{self._born}-{self._scheduler.commits}"

    def wait_for_steps(
        self, cluster_id: str, step_ids: Sequence[str] | None = None, timeout: float | None = None
    ) -> list[Shape]:
        """Wait until the steps, or all of the cluster, have ended; returns them as DescribeStep does, in order.

        Does not wait for steps that are added meanwhile. TimeoutError after `timeout` seconds.
        """
        cluster = self._cluster({"ClusterId": cluster_id})
        ids = step_ids
        if ids is None:
            ids = [step.id for step in self._store.steps(cluster_id) if not step.bootstrap]
        left = {step_id for step_id in ids if self._step(cluster, {"StepId": step_id}).state not in STEP_ENDED}

        def ended() -> bool:
            if left:
                left.intersection_update(step.id for step in self._store.live_steps(cluster_id))
            return not left

        self._wait(ended, f"the end of {len(ids)} steps of {cluster_id}", timeout)
        return [shapes.step(self._step(cluster, {"StepId": step_id})) for step_id in ids]

    def wait_for_cluster(
        self,
        cluster_id: str,
        states: Sequence[str] = (ClusterState.WAITING, *CLUSTER_ENDED),
        timeout: float | None = None,
    ) -> Shape:
        """Wait until the cluster is in one of the states; returns it as DescribeCluster does."""
        request = {"ClusterId": cluster_id}
        self._wait(lambda: self._cluster(request).state in states, f"{cluster_id} {', '.join(states)}", timeout)
        return self.describe_cluster(request)

    def _wait(self, check: Callable[[], bool], what: str, timeout: float | None) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while not check():
                if self._scheduler.stopping:
                    raise RuntimeError(f"the EMR engine was closed while waiting for {what}")
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"waited {timeout} s for {what}")
                self._changed.wait(left)


def _check_log(name: str) -> None:
    if name not in logs.NAMES:
        raise ValueError(f"no log {name!r}: one of {', '.join(logs.NAMES)}")
