"""Auto-termination policies, managed scaling policies, and the account's block of public access."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.aws.emr import shapes
from services.aws.emr.errors import InvalidRequestException
from services.aws.emr.operations.base import Operations
from services.aws.emr.requests import Request, policies
from services.aws.emr.shapes import Shape

_BLOCKED_SINCE = datetime(2019, 7, 25, tzinfo=UTC)  # when AWS introduced it, on for everyone


class PolicyOperations(Operations):
    def get_auto_termination_policy(self, request: Request) -> Shape:
        return shapes.some(self._cluster(request).request, ("AutoTerminationPolicy",))

    def put_auto_termination_policy(self, request: Request) -> Shape:
        """The idle time counts from now where the cluster is idle already."""
        with self._lock:
            cluster = self._open_cluster(request)
            policies.check_release(str(cluster.request["ReleaseLabel"]), "Auto-termination", InvalidRequestException)
            policy = policies.auto_termination(request.get("AutoTerminationPolicy", {}))
            idle_since = cluster.idle_since and self._clock()
            self._scheduler.commit(replace(cluster.changed(AutoTerminationPolicy=policy), idle_since=idle_since))
        return {}

    def remove_auto_termination_policy(self, request: Request) -> Shape:
        with self._lock:
            self._scheduler.commit(self._open_cluster(request).changed(AutoTerminationPolicy=None))
        return {}

    def get_managed_scaling_policy(self, request: Request) -> Shape:
        return shapes.some(self._cluster(request).request, ("ManagedScalingPolicy",))

    def put_managed_scaling_policy(self, request: Request) -> Shape:
        policy = request["ManagedScalingPolicy"]
        with self._lock:
            cluster = self._open_cluster(request)
            policies.check_release(str(cluster.request["ReleaseLabel"]), "Managed scaling", InvalidRequestException)
            policies.check_scaling(policy, fleets=cluster.fleets, error=InvalidRequestException)
            self._scheduler.commit(cluster.changed(ManagedScalingPolicy=policy))
        return {}

    def remove_managed_scaling_policy(self, request: Request) -> Shape:
        with self._lock:
            self._scheduler.commit(self._open_cluster(request).changed(ManagedScalingPolicy=None))
        return {}

    def get_block_public_access_configuration(self, request: Request) -> Shape:
        """As a new account has it: nothing of the lab is open to the public, and none of it can be opened."""
        ssh = {"MinRange": 22, "MaxRange": 22}
        return {
            "BlockPublicAccessConfiguration": {
                "BlockPublicSecurityGroupRules": True,
                "PermittedPublicSecurityGroupRuleRanges": [ssh],
            },
            "BlockPublicAccessConfigurationMetadata": {
                "CreationDateTime": _BLOCKED_SINCE,
                "CreatedByArn": f"arn:aws:iam::{self.account}:root",
            },
        }
