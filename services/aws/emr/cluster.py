"""Steps on the cluster's primary node: the executor of the stack.

The folders are in a volume that the node shares with us, so logs and files are read and written directly; processes
belong to the node, which is asked over its socket (`node`). A node that does not answer is being restarted, or
busy: its steps are taken to be running until it says what became of them. Only when its socket has refused every
call for a while is it taken to be gone for good, and with it, as it is the first process of its container, all that
it ran.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from services.aws.emr.executor import Away, LaunchError, LocalExecutor, Phase, Sighting, Task, exited

SOCKET = "node.sock"
_log = logging.getLogger(__name__)
_ANSWER_SECONDS = 15.0
_GONE_SECONDS = 300.0


class _Refused(Away):
    """Nobody listens at the node's socket: the node does not run."""


class ClusterExecutor(LocalExecutor):
    """Speaks to the node that serves `place`, the shared folder.

    gone_seconds: how long the socket must refuse calls until the node's steps are given up.
    answer_seconds: how long the node may take to answer.
    """

    custom_jars = True
    remote = True

    def __init__(
        self,
        place: Path,
        gone_seconds: float = _GONE_SECONDS,
        answer_seconds: float = _ANSWER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(place / "steps")
        self._socket = place / SOCKET
        self._gone_seconds, self._answer_seconds, self._clock = gone_seconds, answer_seconds, clock
        self._refusing_since: float | None = None
        self._away = False

    def check(self) -> None:
        self._ask({"op": "ping"})

    def launch(self, folder: Path, task: Task) -> None:
        files = {file: dict(properties) for file, properties in task.files.items()}
        what = {"argv": list(task.argv), "environment": dict(task.environment), "files": files}
        reply = self._ask({"op": "launch", **_names(folder), **what})
        if "problem" in reply:
            raise LaunchError(reply["problem"])

    def poll(self, folder: Path) -> Sighting:
        try:
            return _sighting(self._ask({"op": "poll", **_names(folder)}))
        except Away:
            return self._seen_from_here(folder)

    def kill(self, folder: Path, *, force: bool) -> None:
        if folder.is_dir():  # the mark holds even when the node is away: a step that has not begun will not begin
            (folder / "cancel").touch()
        self._ask({"op": "kill", **_names(folder), "force": force})

    def forget(self, folder: Path) -> None:
        # Only the node may remove what the step's user has written. While it is away the folder stays: the logs in it
        # are published once more by the next engine, which forgets it then.
        with contextlib.suppress(Away):
            self._ask({"op": "forget", **_names(folder)})

    def only(self, cluster_ids: Collection[str]) -> None:
        with contextlib.suppress(Away):
            self._ask({"op": "only", "clusters": sorted(cluster_ids)})

    def watch(self, folder: Path) -> int | None:
        try:
            reply, descriptor = self._exchange({"op": "watch", **_names(folder)})
        except Away:
            return None
        return descriptor if reply.get("watched") else None

    def _seen_from_here(self, folder: Path) -> Sighting:
        """What the shared folder tells while the node is away."""
        if not (folder / "claim.json").exists():
            return Sighting(Phase.ABSENT)
        # A cancelled step has ended only when the node says so: it may have YARN applications to end.
        ended = None if (folder / "cancel").exists() else exited(folder)
        if ended is not None:
            return ended
        since = self._refusing_since
        if since is None or self._clock() - since < self._gone_seconds:
            return Sighting(Phase.RUNNING)
        minutes = self._gone_seconds / 60
        return exited(folder) or Sighting(
            Phase.LOST, why=f"The cluster's primary node stopped, and was not back after {minutes:.0f} minutes"
        )

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        reply, descriptor = self._exchange(request)
        if descriptor is not None:
            os.close(descriptor)
        return reply

    def _exchange(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
        """One question and its answer. Away when there is none; what that means is kept for `poll`."""
        try:
            answer = exchange(self._socket, request, self._answer_seconds)
        except Away as away:
            if not isinstance(away, _Refused):
                self._refusing_since = None
            elif self._refusing_since is None:
                self._refusing_since = self._clock()
            if not self._away:
                _log.warning("the primary node is away: %s", away)
            self._away = True
            raise
        if self._away:
            _log.warning("the primary node is back")
        self._away, self._refusing_since = False, None
        return answer


def exchange(path: Path, request: Mapping[str, Any], seconds: float) -> tuple[dict[str, Any], int | None]:
    """Send a node one request as a line of JSON; returns its reply, and the descriptor that came with it, if any."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(seconds)
        try:
            link.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise _Refused(error.strerror) from None
        except OSError as error:
            raise Away(str(error)) from None
        try:
            link.sendall(json.dumps(request).encode() + b"\n")
            line, descriptors = _received(link)
        except OSError as error:
            raise Away(str(error)) from None
    for surplus in descriptors[1:]:
        os.close(surplus)
    if not line.endswith(b"\n"):
        for descriptor in descriptors[:1]:
            os.close(descriptor)
        raise Away("the node broke off in the middle of an answer")
    reply: dict[str, Any] = json.loads(line)
    return reply, descriptors[0] if descriptors else None


def _received(link: socket.socket) -> tuple[bytes, list[int]]:
    line, descriptors = b"", list[int]()
    while not line.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(link, 1 << 16, 1)
        descriptors += more
        if not part:
            break
        line += part
    return line, descriptors


def _names(folder: Path) -> dict[str, str]:
    return {"cluster": folder.parent.name, "step": folder.name}


def _sighting(reply: Mapping[str, Any]) -> Sighting:
    ended = reply.get("ended")
    return Sighting(
        Phase(reply["phase"]), reply.get("code"), bool(reply.get("cancelled")),
        datetime.fromisoformat(ended) if ended else None,
        reply.get("seconds"), reply.get("cpu_seconds"), reply.get("peak_bytes"), reply.get("why"),
    )  # fmt: skip
