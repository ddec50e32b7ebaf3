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
    SecurityConfiguration,
    Step,
    StepState,
)
from services.aws.emr.nodes import Node, NodeGroup


def dump(record: Cluster | Step | SecurityConfiguration) -> str:
    """A record as JSON text."""
    return json.dumps(asdict(record), default=datetime.isoformat)


_moment = datetime.fromisoformat


def _time(text: str | None) -> datetime | None:
    return _moment(text) if text else None


def cluster(body: dict[str, Any]) -> Cluster:
    """The cluster that `dump` wrote."""
    return Cluster(
        **{
            **body,
            "created": _moment(body["created"]),
            "ready": _time(body["ready"]),
            "ended": _time(body["ended"]),
            "state": ClusterState(body["state"]),
            "reason": Reason(**body["reason"]),
            "groups": tuple(_group(each) for each in body.get("groups", ())),
            "idle_since": _time(body.get("idle_since")),
        }
    )


def _group(body: dict[str, Any]) -> NodeGroup:
    nodes = tuple(
        Node(**{**each, "created": _moment(each["created"]), "ended": _time(each["ended"])}) for each in body["nodes"]
    )
    return NodeGroup(**{**body, "created": _moment(body["created"]), "nodes": nodes})


def step(body: dict[str, Any]) -> Step:
    """The step that `dump` wrote."""
    return Step(
        **{
            **body,
            "created": _moment(body["created"]),
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


def security_configuration(body: dict[str, Any]) -> SecurityConfiguration:
    """The security configuration that `dump` wrote."""
    return SecurityConfiguration(**{**body, "created": _moment(body["created"])})
