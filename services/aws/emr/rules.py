"""What EMR decides, as plain functions of records: no time, no processes, no store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.aws.emr.model import (
    STEP_STARTED,
    Action,
    Cluster,
    ClusterState,
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


def rest_state(cluster: Cluster, live: Sequence[Step], now: datetime) -> tuple[ClusterState, Reason] | None:
    """Where a running or waiting cluster goes by what is known of its live steps and the time; None: nowhere."""
    if any(not step.bootstrap for step in live):
        return None if cluster.state is ClusterState.RUNNING else (ClusterState.RUNNING, RUNNING)
    end = idle_end(cluster)
    return (ClusterState.TERMINATING, idle(cluster)) if end and now >= end else None


def idle_end(cluster: Cluster) -> datetime | None:
    """When an idle cluster ends by its auto-termination policy. A protected one stays."""
    if cluster.idle_since is None or cluster.idle_limit is None or cluster.protected:
        return None
    return cluster.idle_since + timedelta(seconds=cluster.idle_limit)


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
