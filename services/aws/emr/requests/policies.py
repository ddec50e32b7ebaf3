"""Auto-termination and managed scaling: what AWS allows of a policy."""

from __future__ import annotations

from services.aws.emr.errors import EmrError, ValidationException
from services.aws.emr.releases import number
from services.aws.emr.requests import Request, need, within

_LEAST_IDLE, _MOST_IDLE, _DEFAULT_IDLE = 60, 7 * 24 * 3600, 3600
# The first release of each series that has a feature; later series have all.
_SINCE = {
    "Instance fleets": ("emr-4.8.0", "emr-5.1.0"),
    "Step concurrency": ("emr-5.28.0",),
    "Managed scaling": ("emr-5.30.0", "emr-6.1.0"),
    "Auto-termination": ("emr-5.30.0", "emr-6.1.0"),
}
_SCALING = "Invalid configuration for managed scaling. "


def check_release(label: str, feature: str, error: type[EmrError] = ValidationException) -> None:
    """Refuse a feature that came after the release."""
    own = number(label)
    since = max((first for first in _SINCE[feature] if number(first)[0] <= own[0]), key=number, default=None)
    if since is None or own < number(since):
        needed = " or ".join(sorted(_SINCE[feature]))
        raise error(f"{feature} is supported only for release-label {needed} and above")


def auto_termination(policy: Request) -> Request:
    """The policy with its idle time: one hour where none is given, as AWS has it."""
    idle = policy.get("IdleTimeout", _DEFAULT_IDLE)
    within(idle, _LEAST_IDLE, _MOST_IDLE, "autoTerminationPolicy.idleTimeout")
    return {**policy, "IdleTimeout": idle}


def check_scaling(policy: Request, *, fleets: bool, error: type[EmrError] = ValidationException) -> None:
    """The limits must fit each other and the cluster's kind of nodes."""
    limits = policy.get("ComputeLimits")
    if not limits:
        if policy.get("ScalingStrategy") is None:
            need(policy, "ComputeLimits", error)
        return
    least, most = limits["MinimumCapacityUnits"], limits["MaximumCapacityUnits"]
    if least < 1:
        raise error(f"{_SCALING}The min capacity must be at least 1")
    if least > most:
        raise error(f"{_SCALING}The min capacity cannot be higher than max capacity")
    for name, member in (("On-Demand", "MaximumOnDemandCapacityUnits"), ("Core", "MaximumCoreCapacityUnits")):
        if limits.get(member, 0) > most:
            raise error(f"{_SCALING}The max {name} capacity cannot be higher than max capacity")
    unit = limits["UnitType"]
    if fleets != (unit == "InstanceFleetUnits"):
        kind = "instance fleets" if fleets else "instance groups"
        raise error(f"{_SCALING}The unit type {unit} is not valid for a cluster with {kind}")
