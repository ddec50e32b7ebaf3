"""YARN applications of a step: found by their tag and ended through the ResourceManager's REST API.

Standard library only: it runs on the primary node. "Cluster Applications API" and "Cluster Application State API"
in Hadoop's documentation of the ResourceManager.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USER = "hadoop"
_ALIVE = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING"
_ANSWER_SECONDS = 10.0
_PAUSE = 0.5


def tag(cluster_id: str, step_id: str) -> str:
    """The tag of a step's applications. YARN keeps tags in lower case."""
    return f"{cluster_id}.{step_id}".lower()


def queue(cluster_id: str) -> str:
    """The name of the queue in which a cluster's applications run; also the tag of all of them."""
    return cluster_id.lower()


def tags(cluster_id: str, step_id: str) -> str:
    """All tags of a step's applications: the step's, the cluster's, and the one by which YARN chooses the queue."""
    return ",".join((tag(cluster_id, step_id), queue(cluster_id), f"userid={queue(cluster_id)}"))


@dataclass(frozen=True)
class Yarn:
    """The ResourceManager at `address`, such as http://resourcemanager:8088."""

    address: str

    def alive(self, tagged: str) -> list[str]:
        """Ids of the applications with that tag that have not ended. OSError when nobody answers."""
        query = urllib.parse.urlencode({"applicationTags": tagged, "states": _ALIVE})
        found = self.call("GET", f"/ws/v1/cluster/apps?{query}")
        return [app["id"] for app in (found.get("apps") or {}).get("app", [])]

    def kill(self, application: str) -> None:
        """Ask for the end of an application; harmless when it ended meanwhile."""
        query = urllib.parse.urlencode({"user.name": USER})
        self.call("PUT", f"/ws/v1/cluster/apps/{application}/state?{query}", {"state": "KILLED"})

    def end(self, tagged: str, seconds: float) -> int:
        """End all applications with that tag; returns how many there were once none is alive.

        Goes on trying while nobody answers, as YARN may be restarting. OSError when the time is over.
        """
        until, ended = time.monotonic() + seconds, set[str]()
        while True:
            try:
                alive = self.alive(tagged)
                if not alive:
                    return len(ended)
                for application in alive:
                    self.kill(application)
                    ended.add(application)
                problem: OSError = TimeoutError(f"{', '.join(alive)} still alive")
            except OSError as error:
                problem = error
            if time.monotonic() > until:
                raise problem
            time.sleep(_PAUSE)

    def change(self, path: str, changes: Mapping[str, Any]) -> None:
        """Change the configuration of the scheduler. OSError says why that is refused."""
        query = urllib.parse.urlencode({"user.name": USER})
        self._answer("PUT", f"{path}?{query}", changes)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON that the ResourceManager answers."""
        content = self._answer(method, path, body)
        document: dict[str, Any] = json.loads(content) if content else {}
        return document

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        request = urllib.request.Request(
            self.address + path,
            json.dumps(body).encode() if body else None,
            {"Content-Type": "application/json", "Accept": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
            content: bytes = answer.read()
        return content
