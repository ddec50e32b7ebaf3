"""What every family of operations works with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from lakelab.storage import Storage
from services.aws.emr.errors import EmrError, InvalidRequestException, ValidationException
from services.aws.emr.model import CLUSTER_CLOSED, Cluster, Step
from services.aws.emr.requests import FINISHED, Request, need, need_some, no_such_cluster, no_such_job_flow
from services.aws.emr.scheduler import Scheduler
from services.aws.emr.store import StateStore


class Operations:
    """State, scheduler and clock; and the look-ups that all operations share.

    Whoever changes a record holds `_lock` from reading it to `_scheduler.commit`.
    """

    region: str
    account: str
    _store: StateStore
    _storage: Storage
    _scheduler: Scheduler
    _lock: threading.RLock
    _clock: Callable[[], datetime]

    def _cluster(self, request: Request) -> Cluster:
        """The cluster that the newer operations name by ClusterId."""
        cluster_id = need(request, "ClusterId", InvalidRequestException)
        cluster = self._store.cluster(cluster_id)
        if cluster is None:
            raise no_such_cluster(cluster_id)
        return cluster

    def _open_cluster(self, request: Request) -> Cluster:
        """The same, if it may still be changed."""
        cluster = self._cluster(request)
        _check_open(cluster, InvalidRequestException)
        return cluster

    def _job_flow(self, request: Request) -> Cluster:
        """The cluster that the older operations name by JobFlowId, if it may still be changed."""
        cluster_id = need(request, "JobFlowId", ValidationException)
        cluster = self._store.cluster(cluster_id)
        if cluster is None:
            raise no_such_job_flow(cluster_id)
        _check_open(cluster, ValidationException)
        return cluster

    def _job_flows(self, request: Request) -> list[Cluster]:
        """The clusters that an operation on several names by JobFlowIds."""
        clusters = []
        for cluster_id in dict.fromkeys(need_some(request, "JobFlowIds", ValidationException)):
            cluster = self._store.cluster(cluster_id)
            if cluster is None:
                raise no_such_job_flow(cluster_id)
            clusters.append(cluster)
        return clusters

    def _open_job_flows(self, request: Request) -> list[Cluster]:
        """The same, if all of them may still be changed."""
        clusters = self._job_flows(request)
        for cluster in clusters:
            _check_open(cluster, ValidationException)
        return clusters

    def _step(self, cluster: Cluster, request: Request) -> Step:
        step_id = need(request, "StepId", InvalidRequestException)
        step = self._store.step(cluster.id, step_id)
        if step is None or step.bootstrap:
            raise InvalidRequestException(f"Step id '{step_id}' is not valid.")
        return step


def _check_open(cluster: Cluster, error: type[EmrError]) -> None:
    if cluster.state in CLUSTER_CLOSED:
        raise error(FINISHED)
