"""AddTags and RemoveTags."""

from __future__ import annotations

from services.aws.emr.errors import InvalidRequestException
from services.aws.emr.model import CLUSTER_ENDED, Cluster
from services.aws.emr.operations.base import Operations
from services.aws.emr.requests import Request, need
from services.aws.emr.requests.tags import merged, without
from services.aws.emr.shapes import Shape


class TagOperations(Operations):
    def add_tags(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._tagged(request)
            tags = merged(cluster.request.get("Tags", ()), request["Tags"], InvalidRequestException)
            self._scheduler.commit(cluster.changed(Tags=tags))
        return {}

    def remove_tags(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._tagged(request)
            self._scheduler.commit(cluster.changed(Tags=without(cluster.request.get("Tags", ()), request["TagKeys"])))
        return {}

    def _tagged(self, request: Request) -> Cluster:
        cluster = self._cluster({"ClusterId": need(request, "ResourceId", InvalidRequestException)})
        if cluster.state in CLUSTER_ENDED:
            raise InvalidRequestException("Tags cannot be modified on terminated clusters.")
        return cluster
