"""Clusters and steps as immutable records, their states, and which change of state is legal.

A record changes by `to(...)`, which gives a new record or, where AWS would never make that change, raises
`IllegalMoveError`: that is a bug of ours, not of a user. States and reason codes are those of the EMR API of
2009-03-31.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.aws.emr.nodes import NodeGroup

MAX_ACTIVE_STEPS = 256


class ClusterState(StrEnum):
    STARTING = "STARTING"
    BOOTSTRAPPING = "BOOTSTRAPPING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    TERMINATED_WITH_ERRORS = "TERMINATED_WITH_ERRORS"


class StepState(StrEnum):
    PENDING = "PENDING"
    CANCEL_PENDING = "CANCEL_PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


class ReasonCode(StrEnum):
    """Why a cluster changed its state (ClusterStateChangeReasonCode)."""

    USER_REQUEST = "USER_REQUEST"
    ALL_STEPS_COMPLETED = "ALL_STEPS_COMPLETED"
    STEP_FAILURE = "STEP_FAILURE"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    BOOTSTRAP_FAILURE = "BOOTSTRAP_FAILURE"


class Action(StrEnum):
    """What a step's failure does to its cluster. AWS shows TERMINATE_JOB_FLOW as TERMINATE_CLUSTER."""

    TERMINATE_CLUSTER = "TERMINATE_CLUSTER"
    CANCEL_AND_WAIT = "CANCEL_AND_WAIT"
    CONTINUE = "CONTINUE"


class CancelOption(StrEnum):
    SEND_INTERRUPT = "SEND_INTERRUPT"
    TERMINATE_PROCESS = "TERMINATE_PROCESS"


_C, _S = ClusterState, StepState
CLUSTER_ENDED = frozenset({_C.TERMINATED, _C.TERMINATED_WITH_ERRORS})
CLUSTER_CLOSED = CLUSTER_ENDED | {_C.TERMINATING}  # takes no more steps
STEP_ENDED = frozenset({_S.COMPLETED, _S.CANCELLED, _S.FAILED, _S.INTERRUPTED})
STEP_ACTIVE = frozenset({_S.PENDING, _S.RUNNING, _S.CANCEL_PENDING})
STEP_STARTED = frozenset({_S.RUNNING, _S.CANCEL_PENDING})

CLUSTER_MOVES: dict[ClusterState, frozenset[ClusterState]] = {
    _C.STARTING: frozenset({_C.BOOTSTRAPPING, _C.TERMINATING}),
    _C.BOOTSTRAPPING: frozenset({_C.RUNNING, _C.TERMINATING}),
    _C.RUNNING: frozenset({_C.WAITING, _C.TERMINATING}),
    _C.WAITING: frozenset({_C.RUNNING, _C.TERMINATING}),
    _C.TERMINATING: CLUSTER_ENDED,
    _C.TERMINATED: frozenset(),
    _C.TERMINATED_WITH_ERRORS: frozenset(),
}
STEP_MOVES: dict[StepState, frozenset[StepState]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.CANCEL_PENDING, _S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.INTERRUPTED}),
    # A step may end by itself in the moment before the signal reaches it.
    _S.CANCEL_PENDING: frozenset({_S.CANCELLED, _S.COMPLETED, _S.FAILED, _S.INTERRUPTED}),
    **{state: frozenset() for state in STEP_ENDED},
}


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **new}.items() if value is not None}


class IllegalMoveError(RuntimeError):
    """A change of state that EMR never makes."""


@dataclass(frozen=True)
class Reason:
    """Why a record is in its state. `fatal` is ours: the cluster it ends, ends with errors."""

    code: str | None = None
    message: str = ""
    fatal: bool = False


@dataclass(frozen=True)
class Failure:
    """AWS's FailureDetails: what a sensor shows as the cause."""

    reason: str
    message: str
    log_file: str | None = None


@dataclass(frozen=True)
class Cluster:
    """A cluster; `request` is its RunJobFlow request without the steps and bootstrap actions, as the operations that
    came later have changed it.  idle_since: since when it waits for steps, or has a policy for that.
    """

    id: str
    request: Mapping[str, Any]
    created: datetime
    state: ClusterState = ClusterState.STARTING
    reason: Reason = Reason()
    ready: datetime | None = None
    ended: datetime | None = None
    concurrency: int = 1
    protected: bool = False
    groups: tuple[NodeGroup, ...] = ()
    idle_since: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.request["Name"])

    @property
    def keep_alive(self) -> bool:
        return bool(self.request["Instances"].get("KeepJobFlowAliveWhenNoSteps", False))

    @property
    def fleets(self) -> bool:
        """Whether its nodes are instance fleets, and not instance groups."""
        return "InstanceFleets" in self.request["Instances"]

    @property
    def idle_limit(self) -> int | None:
        """Seconds without a step after which it is terminated."""
        limit = self.request.get("AutoTerminationPolicy", {}).get("IdleTimeout")
        return None if limit is None else int(limit)

    @property
    def log_uri(self) -> str | None:
        """The place of the cluster's logs, without a slash at its end; None when nobody asked for logs."""
        uri = self.request.get("LogUri")
        return str(uri).rstrip("/") if uri else None

    def to(self, state: ClusterState, reason: Reason, at: datetime) -> Cluster:
        """The cluster in a new state, at that time; not before the last one, should the clock have been set back."""
        if state not in CLUSTER_MOVES[self.state]:
            raise IllegalMoveError(f"cluster {self.id}: {self.state} to {state}")
        at = max(at, self.ready or self.created)
        ready = self.ready or (at if state in (_C.RUNNING, _C.WAITING) else None)
        ended = at if state in CLUSTER_ENDED else None
        idle_since = at if state is _C.WAITING else None
        return replace(self, state=state, reason=reason, ready=ready, ended=ended, idle_since=idle_since)

    def changed(self, **members: Any) -> Cluster:
        """The cluster with other members of its request; None takes one away."""
        return replace(self, request=_merged(self.request, members))

    def changed_instances(self, **members: Any) -> Cluster:
        """The same for members of the request's Instances."""
        return self.changed(Instances=_merged(self.request["Instances"], members))


@dataclass(frozen=True)
class Step:
    """A step, or (`bootstrap`) a bootstrap action: a script that runs before the first step."""

    id: str
    cluster_id: str
    name: str
    action: Action
    jar: str
    created: datetime
    args: tuple[str, ...] = ()
    main_class: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    bootstrap: bool = False
    state: StepState = StepState.PENDING
    reason: Reason = Reason()
    failure: Failure | None = None
    started: datetime | None = None
    ended: datetime | None = None
    cancel: CancelOption | None = None

    def to(
        self, state: StepState, at: datetime, *, reason: Reason | None = None, failure: Failure | None = None
    ) -> Step:
        """The step in a new state, at that time; not before the last one, should the clock have been set back."""
        if state not in STEP_MOVES[self.state]:
            raise IllegalMoveError(f"step {self.id}: {self.state} to {state}")
        at = max(at, self.started or self.created)
        started = at if state is StepState.RUNNING else self.started
        ended = at if state in STEP_ENDED else None
        reason = reason or Reason()
        return replace(self, state=state, reason=reason, failure=failure, started=started, ended=ended)


@dataclass(frozen=True)
class SecurityConfiguration:
    """A named JSON document of the account."""

    name: str
    document: str
    created: datetime
