"""The EMR API as a library: one method per operation, dictionaries in AWS's shapes in and out.

Requests have the member names of the EMR API of 2009-03-31 and are taken to fit its shapes; what AWS checks beyond
that is checked here, with AWS's error codes and, where they are known, its words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lakelab.storage import Storage
from services.aws.emr import logs, requests, rules, shapes
from services.aws.emr.errors import InternalServerException, InvalidRequestException, ValidationException
from services.aws.emr.executor import Executor
from services.aws.emr.model import (
    CLUSTER_CLOSED,
    CLUSTER_ENDED,
    MAX_ACTIVE_STEPS,
    STEP_ACTIVE,
    STEP_ENDED,
    CancelOption,
    Cluster,
    ClusterState,
    Step,
    StepState,
)
from services.aws.emr.requests import Request, need
from services.aws.emr.scheduler import Event, Scheduler
from services.aws.emr.shapes import Shape
from services.aws.emr.store import StateStore
from services.aws.emr.work import StepWork

__all__ = ["EmrEngine", "Event"]

PAGE = 50
_MAX_STEP_IDS = 10
_CLOSE_SECONDS = 30.0


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing(cluster: Cluster, step: Step) -> Mapping[str, str]:
    return {}


class EmrEngine:
    """Clusters whose steps really run. On a store with state, goes on where the last engine stopped.

    environment: variables of a step, beside the few that it inherits (`executor.INHERITED`).  path: folders put
    first on a step's PATH.  on_event: told of each committed change, in order, by the engine's own thread.
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
    ) -> None:
        store.claim()
        self.region, self.account = region, account
        self._store, self._storage, self._clock = store, storage, clock
        self._work = StepWork(executor, storage, environment, path, clock)
        self._scheduler = Scheduler(store, executor, self._work, clock, on_event)
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

    # Clusters

    def run_job_flow(self, request: Request) -> Shape:
        now = self._clock()
        cluster = requests.new_cluster(request, self._storage, now)
        cluster = replace(cluster, reason=rules.STARTING)
        steps = requests.new_steps(request.get("Steps", ()), cluster, now)
        requests.check_count(0, len(steps))
        bootstrap = requests.new_bootstrap_actions(request.get("BootstrapActions", ()), cluster, now)
        self._scheduler.commit(cluster, *bootstrap, *steps)
        return {"JobFlowId": cluster.id, "ClusterArn": shapes.arn(cluster.id, self.region, self.account)}

    def describe_cluster(self, request: Request) -> Shape:
        return {"Cluster": shapes.cluster(self._cluster(request), self.region, self.account)}

    def list_clusters(self, request: Request) -> Shape:
        """Newest first, 50 a page."""
        states, after, before = (request.get(n) for n in ("ClusterStates", "CreatedAfter", "CreatedBefore"))

        def wanted(cluster: Cluster) -> bool:
            return (
                (not states or cluster.state in states)
                and (after is None or cluster.created > after)
                and (before is None or cluster.created < before)
            )

        part, marker = requests.page(self._store.clusters()[::-1], wanted, request.get("Marker"), PAGE)
        summaries = [shapes.cluster_summary(cluster, self.region, self.account) for cluster in part]
        return {"Clusters": summaries, **({"Marker": marker} if marker else {})}

    def modify_cluster(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._cluster(request)
            need(request, "StepConcurrencyLevel", InvalidRequestException)
            level = requests.concurrency(request, InvalidRequestException)
            if cluster.state in CLUSTER_CLOSED:
                raise InvalidRequestException(requests.FINISHED)
            self._scheduler.commit(replace(cluster, concurrency=level))
        return {"StepConcurrencyLevel": level}

    def terminate_job_flows(self, request: Request) -> None:
        """Terminates those that are not protected, and then refuses when one was."""
        with self._lock:
            clusters = self._job_flows(request)
            self._shut_down([c for c in clusters if not c.protected and c.state not in CLUSTER_CLOSED])
            if any(cluster.protected and cluster.state not in CLUSTER_CLOSED for cluster in clusters):
                raise ValidationException(
                    "Could not shut down one or more job flows since they are termination protected."
                )

    def set_termination_protection(self, request: Request) -> None:
        with self._lock:
            clusters = self._job_flows(request)
            protected = bool(need(request, "TerminationProtected", ValidationException))
            if any(cluster.state in CLUSTER_CLOSED for cluster in clusters):
                raise ValidationException(requests.FINISHED)
            self._scheduler.commit(*(replace(cluster, protected=protected) for cluster in clusters))

    def list_bootstrap_actions(self, request: Request) -> Shape:
        steps = self._store.steps(self._cluster(request).id)
        return {"BootstrapActions": [shapes.bootstrap_action(step) for step in steps if step.bootstrap]}

    # Steps

    def add_job_flow_steps(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._store.cluster(need(request, "JobFlowId", ValidationException))
            if cluster is None:
                raise ValidationException(requests.NO_SUCH_JOB_FLOW)
            if cluster.state in CLUSTER_CLOSED:
                raise ValidationException(requests.FINISHED)
            configs = need(request, "Steps", ValidationException)
            steps = requests.new_steps(configs, cluster, self._clock(), request.get("ExecutionRoleArn"))
            active = sum(step.state in STEP_ACTIVE for step in self._steps(cluster.id))
            requests.check_count(active, len(steps))
            self._scheduler.commit(*steps)
        return {"StepIds": [step.id for step in steps]}

    def describe_step(self, request: Request) -> Shape:
        return {"Step": shapes.step(self._step(self._cluster(request), request))}

    def list_steps(self, request: Request) -> Shape:
        """Newest first, 50 a page."""
        cluster = self._cluster(request)
        ids, states = request.get("StepIds"), request.get("StepStates")
        if ids and len(ids) > _MAX_STEP_IDS:
            raise InvalidRequestException(f"At most {_MAX_STEP_IDS} step ids may be asked for at once.")

        def wanted(step: Step) -> bool:
            return (not ids or step.id in ids) and (not states or step.state in states)

        part, marker = requests.page(self._steps(cluster.id)[::-1], wanted, request.get("Marker"), PAGE)
        return {"Steps": [shapes.step_summary(s) for s in part], **({"Marker": marker} if marker else {})}

    def cancel_steps(self, request: Request) -> Shape:
        """Pending steps are cancelled at once; running ones get a signal and are CANCEL_PENDING until they end."""
        given = request.get("StepCancellationOption", CancelOption.SEND_INTERRUPT)
        if given not in list(CancelOption):
            raise InvalidRequestException(f"StepCancellationOption {given} is not valid.")
        ids = need(request, "StepIds", InvalidRequestException)
        if len(ids) > MAX_ACTIVE_STEPS:
            raise InvalidRequestException(f"At most {MAX_ACTIVE_STEPS} steps may be cancelled at once.")
        with self._lock:
            cluster = self._cluster(request)
            steps = [self._step(cluster, {"StepId": step_id}) for step_id in dict.fromkeys(ids)]
            changed = [after for step in steps if (after := self._cancelled(step, CancelOption(given))) != step]
            if changed:
                self._scheduler.commit(*changed)
        return {"CancelStepsInfoList": [_cancel_info(step) for step in steps]}

    # Beside the API

    def is_well(self) -> bool:
        """Whether clusters and steps are moved, and the state can be read. Asks the store."""
        try:
            self._store.clusters(live_only=True)
        except InternalServerException:
            return False
        return self._scheduler.alive

    def step_log(self, cluster_id: str, step_id: str, name: str) -> bytes:
        """A log of a step (`controller`, `syslog`, `stdout` or `stderr`), also while it runs; empty before that."""
        if name not in logs.NAMES:
            raise ValueError(f"no log {name!r}: one of {', '.join(logs.NAMES)}")
        cluster = self._cluster({"ClusterId": cluster_id})
        return self._work.log(cluster, self._step(cluster, {"StepId": step_id}), name)

    def wait_for_steps(
        self, cluster_id: str, step_ids: Sequence[str] | None = None, timeout: float | None = None
    ) -> list[Shape]:
        """Wait until the steps, or all of the cluster, have ended; returns them as DescribeStep does, in order.

        Does not wait for steps that are added meanwhile. TimeoutError after `timeout` seconds.
        """
        cluster = self._cluster({"ClusterId": cluster_id})
        ids = step_ids if step_ids is not None else [step.id for step in self._steps(cluster_id)]
        for step_id in ids:
            self._step(cluster, {"StepId": step_id})

        def ended() -> bool:
            states = {step.id: step.state for step in self._steps(cluster_id)}
            return all(states[step_id] in STEP_ENDED for step_id in ids)

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

    def _cluster(self, request: Request) -> Cluster:
        cluster_id = need(request, "ClusterId", InvalidRequestException)
        cluster = self._store.cluster(cluster_id)
        if cluster is None:
            raise InvalidRequestException(f"Cluster id '{cluster_id}' is not valid.")
        return cluster

    def _steps(self, cluster_id: str) -> list[Step]:
        return [step for step in self._store.steps(cluster_id) if not step.bootstrap]

    def _step(self, cluster: Cluster, request: Request) -> Step:
        step_id = need(request, "StepId", InvalidRequestException)
        step = self._store.step(cluster.id, step_id)
        if step is None or step.bootstrap:
            raise InvalidRequestException(f"Step id '{step_id}' is not valid.")
        return step

    def _job_flows(self, request: Request) -> list[Cluster]:
        found = [self._store.cluster(i) for i in dict.fromkeys(need(request, "JobFlowIds", ValidationException))]
        clusters = [cluster for cluster in found if cluster is not None]
        if len(clusters) != len(found):
            raise ValidationException(requests.NO_SUCH_JOB_FLOW)
        return clusters

    def _shut_down(self, clusters: Sequence[Cluster]) -> None:
        now = self._clock()
        if clusters:
            self._scheduler.commit(
                *(cluster.to(ClusterState.TERMINATING, rules.USER_REQUEST, now) for cluster in clusters)
            )

    def _cancelled(self, step: Step, option: CancelOption) -> Step:
        if step.state is StepState.PENDING:
            return step.to(StepState.CANCELLED, self._clock(), reason=rules.CANCELLED_BY_USER)
        if step.state is StepState.RUNNING:
            return replace(step.to(StepState.CANCEL_PENDING, self._clock()), cancel=option)
        if step.state is StepState.CANCEL_PENDING and option is CancelOption.TERMINATE_PROCESS:
            return replace(step, cancel=option)
        return step


def _cancel_info(before: Step) -> Shape:
    if before.state in STEP_ENDED:
        reason = f"Cannot cancel a step in state {before.state}."
        return {"StepId": before.id, "Status": "FAILED", "Reason": reason}
    return {"StepId": before.id, "Status": "SUBMITTED"}
