"""RunJobFlow, DescribeCluster, ListClusters, ModifyCluster, TerminateJobFlows, and the switches of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.aws.emr import paging, rules, shapes
from services.aws.emr.errors import InvalidRequestException, ValidationException
from services.aws.emr.model import CLUSTER_CLOSED, Cluster, ClusterState
from services.aws.emr.operations.base import Operations
from services.aws.emr.requests import Request, need
from services.aws.emr.requests.clusters import concurrency, new_cluster
from services.aws.emr.requests.steps import check_count, new_bootstrap_actions, new_steps
from services.aws.emr.shapes import Shape

_AT_ONCE = paging.PAGE + 1  # clusters that are read at once
_CLOCK_SET_BACK = timedelta(days=1)  # by as much, clusters may not be in the order of their times
_MOST_ENDED = 10
_PROTECTED = "Could not shut down one or more job flows since they are termination protected."


class ClusterOperations(Operations):
    def run_job_flow(self, request: Request) -> Shape:
        now = self._clock()
        cluster = new_cluster(request, self._storage, self._has_security_configuration, now)
        steps = new_steps(request.get("Steps", ()), cluster, now, request.get("StepExecutionRoleArn"))
        check_count(0, len(steps))
        bootstrap = new_bootstrap_actions(request.get("BootstrapActions", ()), cluster, now)
        self._scheduler.commit(cluster, *bootstrap, *steps)
        return {"JobFlowId": cluster.id, "ClusterArn": shapes.arn(cluster.id, self.region, self.account)}

    def describe_cluster(self, request: Request) -> Shape:
        return {"Cluster": shapes.cluster(self._cluster(request), self.region, self.account)}

    def list_clusters(self, request: Request) -> Shape:
        """Newest first, 50 a page."""
        states, after, before = (request.get(n) for n in ("ClusterStates", "CreatedAfter", "CreatedBefore"))
        marker = request.get("Marker")
        if marker and self._store.cluster(marker) is None:
            raise paging.no_such_marker(marker)

        def wanted(cluster: Cluster) -> bool:
            return (after is None or cluster.created > after) and (before is None or cluster.created < before)

        found: list[Cluster] = []
        while len(found) <= paging.PAGE:
            part = self._store.cluster_page(states=states or (), after=marker, size=_AT_ONCE)
            found += filter(wanted, part)
            if len(part) < _AT_ONCE or (after is not None and part[-1].created < after - _CLOCK_SET_BACK):
                break
            marker = part[-1].id
        summaries = [shapes.cluster_summary(cluster, self.region, self.account) for cluster in found]
        return paging.cut(summaries, "Clusters")

    def modify_cluster(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._open_cluster(request)
            if "StepConcurrencyLevel" not in request and "ExtendedSupport" not in request:
                need(request, "StepConcurrencyLevel", InvalidRequestException)
            answer: Shape = {}
            if "StepConcurrencyLevel" in request:
                level = concurrency(request, InvalidRequestException)
                cluster, answer = replace(cluster, concurrency=level), {"StepConcurrencyLevel": level}
            if "ExtendedSupport" in request:
                cluster = cluster.changed(ExtendedSupport=request["ExtendedSupport"])
                answer["ExtendedSupport"] = request["ExtendedSupport"]
            self._scheduler.commit(cluster)
        return answer

    def terminate_job_flows(self, request: Request) -> None:
        """Terminates those that are not protected, and then refuses when one was."""
        if len(request.get("JobFlowIds", ())) > _MOST_ENDED:
            raise ValidationException(f"At most {_MOST_ENDED} job flows may be terminated at once.")
        with self._lock:
            clusters = [cluster for cluster in self._job_flows(request) if cluster.state not in CLUSTER_CLOSED]
            self._shut_down([cluster for cluster in clusters if not cluster.protected])
            if any(cluster.protected for cluster in clusters):
                raise ValidationException(_PROTECTED)

    def set_termination_protection(self, request: Request) -> None:
        with self._lock:
            protected = bool(need(request, "TerminationProtected", ValidationException))
            clusters = self._open_job_flows(request)
            self._scheduler.commit(*(replace(cluster, protected=protected) for cluster in clusters))

    def set_visible_to_all_users(self, request: Request) -> None:
        visible = bool(need(request, "VisibleToAllUsers", ValidationException))
        with self._lock:
            clusters = self._open_job_flows(request)
            self._scheduler.commit(*(cluster.changed(VisibleToAllUsers=visible) for cluster in clusters))

    def set_keep_job_flow_alive_when_no_steps(self, request: Request) -> None:
        """A waiting cluster that shall not be kept alive ends at once, as its steps are done."""
        self._set_for_instances(request, "KeepJobFlowAliveWhenNoSteps")

    def set_unhealthy_node_replacement(self, request: Request) -> None:
        self._set_for_instances(request, "UnhealthyNodeReplacement")

    def _set_for_instances(self, request: Request, name: str) -> None:
        value: Any = bool(need(request, name, ValidationException))
        with self._lock:
            clusters = self._open_job_flows(request)
            self._scheduler.commit(*(cluster.changed_instances(**{name: value}) for cluster in clusters))

    def _shut_down(self, clusters: Sequence[Cluster]) -> None:
        now = self._clock()
        if clusters:
            self._scheduler.commit(
                *(cluster.to(ClusterState.TERMINATING, rules.USER_REQUEST, now) for cluster in clusters)
            )

    def _has_security_configuration(self, name: str) -> bool:
        return self._store.security_configuration(name) is not None
