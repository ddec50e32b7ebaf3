"""What EMR decides, as plain functions of records: no time, no processes, no store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.aws.emr.model import (
    CLUSTER_CLOSED,
    STEP_STARTED,
    Action,
    Cluster,
    ClusterState,
    Failure,
    Reason,
    ReasonCode,
    Step,
    StepState,
)

STARTING = Reason(message="Provisioning the lab's cluster")
BOOTSTRAPPING = Reason(message="Running bootstrap actions")
RUNNING = Reason(message="Running step")
READY = Reason(message="Cluster ready to run steps.")
AFTER_SUCCESS = Reason(message="Cluster ready after last step completed.")
AFTER_FAILURE = Reason(message="Cluster ready after last step failed.")
AFTER_CANCEL = Reason(message="Cluster ready after last step cancelled.")

USER_REQUEST = Reason(ReasonCode.USER_REQUEST, "Terminated by user request")
STEP_FAILURE = Reason(ReasonCode.STEP_FAILURE, "Shut down as step failed", fatal=True)
STEPS_COMPLETED = Reason(ReasonCode.ALL_STEPS_COMPLETED, "Steps completed")
STEPS_WITH_ERRORS = Reason(ReasonCode.STEP_FAILURE, "Steps completed with errors")

CANCELLED_BY_USER = Reason("NONE", "Cancelled by user")
CANCELLED_BY_FAILURE = Reason("NONE", "Cancelled as an earlier step failed")
CLUSTER_TERMINATED = Reason("NONE", "Cluster terminated")
_UNPUBLISHED = "Its logs could not be published: "
_LATE = Reason("NONE", "Its logs were published later than its end")


def bootstrap_failed(number: int, code: int | None) -> Reason:
    what = f"returned a non-zero return code ({code})" if code is not None else "could not be run"
    return Reason(ReasonCode.BOOTSTRAP_FAILURE, f"On the master instance, bootstrap action {number} {what}", True)


def effective_action(cluster: Cluster, step: Step) -> Action:
    """What the step's failure does now. With steps side by side AWS neither cancels nor terminates; a protected
    cluster is not terminated, but its queue is cancelled.
    """
    if cluster.concurrency > 1:
        return Action.CONTINUE
    if step.action is Action.TERMINATE_CLUSTER and cluster.protected:
        return Action.CANCEL_AND_WAIT
    return step.action


def startable(cluster: Cluster, steps: Sequence[Step]) -> list[Step]:
    """The pending steps that may start now, in order. `steps` are those of the cluster in order of creation."""
    wanted = [step for step in steps if step.bootstrap == (cluster.state is ClusterState.BOOTSTRAPPING)]
    limit = 1 if cluster.state is ClusterState.BOOTSTRAPPING else cluster.concurrency
    if cluster.state not in (ClusterState.BOOTSTRAPPING, ClusterState.RUNNING, ClusterState.WAITING):
        return []
    free = limit - sum(step.state in STEP_STARTED for step in wanted)
    return [step for step in wanted if step.state is StepState.PENDING][: max(0, free)]


def rest_state(cluster: Cluster, live: Sequence[Step], *, idle_over: bool) -> tuple[ClusterState, Reason] | None:
    """Where a running or waiting cluster goes by its live steps; idle_over: it was idle for as long as its policy lets
    it be. None: nowhere.
    """
    if any(not step.bootstrap for step in live):
        return None if cluster.state is ClusterState.RUNNING else (ClusterState.RUNNING, RUNNING)
    return (ClusterState.TERMINATING, idle(cluster)) if idle_over else None


def idle(cluster: Cluster) -> Reason:
    return Reason(ReasonCode.USER_REQUEST, f"Cluster auto-terminated: it was idle for {cluster.idle_limit} seconds")


def waiting(recent: Sequence[Step]) -> Reason:
    """Why a cluster waits, by the steps that it ran of late."""
    ran = [step for step in recent if step.started and step.ended]
    if not ran:
        return READY
    last = max(ran, key=lambda step: step.ended or step.created)
    reasons = {StepState.COMPLETED: AFTER_SUCCESS, StepState.CANCELLED: AFTER_CANCEL}
    return reasons.get(last.state, AFTER_FAILURE)


@dataclass(frozen=True)
class StepEnd:
    """How a step ended.  cancelled: after it was told to.  lost: without a word.  failure: None for exit code 0.
    trouble: why its logs could not be published.  code: of its process.
    """

    cancelled: bool
    lost: bool
    failure: Failure | None
    trouble: str | None
    code: int | None


def ended(cluster: Cluster, step: Step, end: StepEnd, at: datetime) -> Step:
    """The step in the state that its end means."""
    reason = Reason("NONE", f"{_UNPUBLISHED}{end.trouble}") if end.trouble else Reason()
    if end.failure is None and not end.cancelled:
        return step.to(StepState.COMPLETED, at, reason=reason)
    stopped = end.cancelled or end.lost
    if stopped and cluster.state is ClusterState.TERMINATING and step.state is StepState.RUNNING:
        return step.to(StepState.INTERRUPTED, at, reason=CLUSTER_TERMINATED)
    if step.state is StepState.CANCEL_PENDING and stopped:
        return step.to(StepState.CANCELLED, at, reason=CANCELLED_BY_USER)
    return step.to(StepState.FAILED, at, reason=reason, failure=end.failure)


def published_late(step: Step) -> Step:
    """The step whose logs could not be published at its end, now that they are."""
    return replace(step, reason=_LATE) if step.reason.message.startswith(_UNPUBLISHED) else step


def consequences(
    cluster: Cluster, step: Step, live: Sequence[Step], end: StepEnd, now: datetime
) -> list[Cluster | Step]:
    """The step that ended, the steps that are cancelled by its failure, and the cluster if it ends by it."""
    if step.state is not StepState.FAILED or cluster.state in CLUSTER_CLOSED:
        return [step]
    if step.bootstrap:
        reason = bootstrap_failed(int(step.id.rpartition("-")[2]), end.code)
        return [step, *cancelled(live, reason, now), cluster.to(ClusterState.TERMINATING, reason, now)]
    action = effective_action(cluster, step)
    if action is Action.CONTINUE:
        return [step]
    records: list[Cluster | Step] = [step, *cancelled(live, CANCELLED_BY_FAILURE, now)]
    if action is Action.TERMINATE_CLUSTER:
        records.append(cluster.to(ClusterState.TERMINATING, STEP_FAILURE, now))
    return records


def cancelled(live: Sequence[Step], reason: Reason, now: datetime) -> list[Step]:
    """Those of the steps that wait, cancelled."""
    pending = [step for step in live if step.state is StepState.PENDING]
    return [step.to(StepState.CANCELLED, now, reason=replace(reason, code="NONE", fatal=False)) for step in pending]
