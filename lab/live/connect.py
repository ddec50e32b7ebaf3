"""Kafka Connect's REST interface: https://kafka.apache.org/documentation/#connect_rest"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakelab.errors import LabError

SECONDS = 15.0  # for one answer: a worker that rebalances takes its time
RUNNING = "RUNNING"
LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class State:
    """A connector and its tasks. why: the first line of what a failed part says, "" otherwise."""

    name: str
    connector: str
    tasks: tuple[str, ...]
    why: str = ""

    @property
    def running(self) -> bool:
        return self.connector == RUNNING and bool(self.tasks) and set(self.tasks) == {RUNNING}

    @property
    def failed(self) -> bool:
        return "FAILED" in (self.connector, *self.tasks)

    @property
    def gap(self) -> bool:
        """Whether it stands where the log is not kept any more: it refuses to go on from there, with changes missed."""
        return self.failed and "no longer available on the server" in self.why

    @property
    def seen(self) -> str:
        """In a word or two."""
        if self.running:
            return "running"
        if self.failed:
            return "failed"
        states = {state.lower() for state in (self.connector, *self.tasks)}
        return "/".join(sorted(states)) if self.tasks else f"{self.connector.lower()}, no task"


class NotThere(LabError):
    """Connect knows no such connector."""


class Connect:
    """A worker by its address."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def names(self) -> list[str]:
        return sorted(self._call("GET", "/connectors"))

    def config(self, name: str) -> dict[str, str]:
        """What a connector was told; passwords stay behind their `${env:…}`. NotThere."""
        found: dict[str, str] = self._call("GET", f"/connectors/{name}/config")
        return found

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Make a connector, or change it. LabError with what Connect finds wrong."""
        self._call("PUT", f"/connectors/{name}/config", dict(config))

    def state(self, name: str) -> State:
        """NotThere where there is none."""
        found = self._call("GET", f"/connectors/{name}/status")
        parts = [found["connector"], *found["tasks"]]
        why = next((_reason(part["trace"]) for part in parts if part.get("trace")), "")
        return State(name, found["connector"]["state"], tuple(task["state"] for task in found["tasks"]), why)

    def restart_failed(self, name: str) -> None:
        """Start what has failed of a connector."""
        self._call("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")

    def stop(self, name: str) -> None:
        """End a connector's tasks; it is there still, and its offsets may be changed."""
        self._call("PUT", f"/connectors/{name}/stop")

    def resume(self, name: str) -> None:
        self._call("PUT", f"/connectors/{name}/resume")

    def offsets(self, name: str) -> list[dict[str, Any]]:
        """How far a connector has read: records of partition and offset."""
        found: list[dict[str, Any]] = self._call("GET", f"/connectors/{name}/offsets")["offsets"]
        return found

    def forget_offsets(self, name: str) -> None:
        """A stopped connector begins anew at its next start."""
        self._call("DELETE", f"/connectors/{name}/offsets")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise self._refused(error, path) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise LabError(
                f"Kafka Connect does not answer: {reason}", where=self.url, fix="see `make status`"
            ) from None
        return json.loads(text) if text else None

    def _refused(self, error: urllib.error.HTTPError, path: str) -> LabError:
        text = error.read().decode(errors="replace")
        try:
            said = str(json.loads(text)["message"])
        except (ValueError, KeyError, TypeError):
            said = text
        if error.code == 404:
            return NotThere(
                f"Kafka Connect has no {path.split('/')[2]}" if path.count("/") > 1 else said, where=self.url
            )
        return LabError(f"Kafka Connect refuses: {' '.join(said.split())}", where=f"{self.url}{path}")


def _reason(trace: str) -> str:
    """What went wrong, out of a Java stack trace: the innermost cause, without the state that some print with it."""
    causes = [line.removeprefix("Caused by: ") for line in trace.splitlines() if line.startswith("Caused by: ")]
    line = causes[-1] if causes else trace.splitlines()[0]
    said = re.sub(r"\b\w+(?:\.\w+)* ?\[.*\]+,?", "…", line.partition(": ")[2].strip() or line.strip())
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
