"""Clusters and steps as JSON text, for stores, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.aws.emr.model import (
    Action,
    CancelOption,
    Cluster,
    ClusterState,
    Failure,
    Reason,
    Step,
    StepState,
)


def dump(record: Cluster | Step) -> str:
    """A record as JSON text."""
    return json.dumps(asdict(record), default=datetime.isoformat)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def cluster(body: dict[str, Any]) -> Cluster:
    """The cluster that `dump` wrote."""
    return Cluster(
        **{
            **body,
            "created": datetime.fromisoformat(body["created"]),
            "ready": _time(body["ready"]),
            "ended": _time(body["ended"]),
            "state": ClusterState(body["state"]),
            "reason": Reason(**body["reason"]),
        }
    )


def step(body: dict[str, Any]) -> Step:
    """The step that `dump` wrote."""
    return Step(
        **{
            **body,
            "created": datetime.fromisoformat(body["created"]),
            "started": _time(body["started"]),
            "ended": _time(body["ended"]),
            "args": tuple(body["args"]),
            "action": Action(body["action"]),
            "state": StepState(body["state"]),
            "reason": Reason(**body["reason"]),
            "failure": Failure(**body["failure"]) if body["failure"] else None,
            "cancel": CancelOption(body["cancel"]) if body["cancel"] else None,
        }
    )
