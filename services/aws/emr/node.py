"""The EMR primary node's server: starts, watches and ends the steps of the stack as processes of its container.

`python3 -m services.aws.emr.node /var/lib/emr` listens at `node.sock` in that folder; `--ping` asks the server that
runs whether it is well. One connection, one question: a line of JSON, answered by a line of JSON, `watch` with a
descriptor that becomes readable when the step's runner ends. The node keeps nothing in memory that the folders do not
tell, so it may be killed at any time. Standard library only: it runs where our packages are not installed.

Steps inherit the node's environment and configuration, with what their cluster was configured with before it, and get
tags for their YARN applications, the step's and the cluster's: Spark takes them from SPARK_SUBMIT_OPTS, MapReduce and
Tez by `${env.EMR_STEP_TAG}` in their configuration files.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import logging
import os
import re
import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.aws.emr import cluster
from services.aws.emr.conf_folder import compose
from services.aws.emr.executor import Away, LaunchError, LocalExecutor, Phase, Sighting, Task
from services.aws.emr.users import NoUserLeftError, Range, Users
from services.aws.emr.yarn import Yarn, tag, tags

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_MOST_BYTES = 4 << 20
_SWEEP_SECONDS = 120.0
_log = logging.getLogger("emr-node")


class NodeExecutor(LocalExecutor):
    """Local processes, and with them the YARN applications that they started: a step that was to end, or was lost,
    counts as running until those have ended too.
    """

    def __init__(
        self, root: Path, yarn: Yarn | None = None, users: Users | None = None, defaults: Path = Path("/etc")
    ) -> None:
        super().__init__(root, inherited=None)
        self._users = users
        self._defaults = defaults
        self._yarn = yarn
        self._sweeping: set[Path] = set()

    def launch(self, folder: Path, task: Task) -> None:
        mark = tags(folder.parent.name, folder.name)
        options = f"{os.environ.get('SPARK_SUBMIT_OPTS', '')} -Dspark.yarn.tags={mark}".strip()
        extra = {"EMR_STEP_TAG": mark, "SPARK_SUBMIT_OPTS": options}
        # A user of its own cannot read the machine's files: there are keys in them.
        conf = compose(self._defaults, folder / "conf", task.files) if task.files or self._users else {}
        user = self._handed_over(folder, extra) if self._users else None
        super().launch(folder, Task(task.argv, {**task.environment, **conf, **extra}, user=user))

    def _handed_over(self, folder: Path, environment: dict[str, str]) -> int:
        """The user of the step, who has got what it works with. LaunchError when there is none."""
        assert self._users
        try:
            user = self._users.of(folder.parent.name)
            environment["HOME"] = str(self._users.home(user))
            self._users.hand_over(folder, user)
        except (NoUserLeftError, OSError) as error:
            raise LaunchError(f"the step could not be started: {error}") from None
        return user

    def forget(self, folder: Path) -> None:
        if self._users:
            self._users.take_back(folder)
        super().forget(folder)

    def only(self, cluster_ids: Collection[str]) -> None:
        if self._users:
            self._users.keep(cluster_ids)

    def poll(self, folder: Path) -> Sighting:
        seen = super().poll(folder)
        over = seen.phase in (Phase.EXITED, Phase.LOST)
        if over and self._yarn and (folder / "cancel").exists() and not (folder / "swept").exists():
            self._sweep(folder, self._yarn)
            return Sighting(Phase.RUNNING)
        return seen

    def _sweep(self, folder: Path, yarn: Yarn) -> None:
        """End the step's YARN applications in a thread of its own; `swept` in the folder says that it was done."""
        if folder not in self._sweeping:
            self._sweeping.add(folder)
            threading.Thread(target=self._swept, args=(folder, yarn), daemon=True).start()

    def _swept(self, folder: Path, yarn: Yarn) -> None:
        mark = tag(folder.parent.name, folder.name)
        try:
            count = yarn.end(mark, _SWEEP_SECONDS)
            said = f"{count} YARN application(s) of the step were ended" if count else ""
        except OSError as error:
            said = f"YARN applications with the tag {mark} may still run: {error}"
        if said:
            _log.warning("%s: %s", folder.name, said)
        with contextlib.suppress(OSError):  # the folder may be gone
            (folder / "swept").write_text(said)
        self._sweeping.discard(folder)


class Node(socketserver.ThreadingUnixStreamServer):
    """The server at `place/node.sock`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, place: Path, yarn: Yarn | None, users: Users | None = None) -> None:
        self.executor = NodeExecutor(place / "steps", yarn, users)
        self.turn = threading.Lock()  # the executor takes one call at a time
        path = place / cluster.SOCKET
        fresh = path.with_name(f".{path.name}-{os.getpid()}")
        old = os.umask(0o177)
        try:
            super().__init__(str(fresh), _Question)
        finally:
            os.umask(old)
        fresh.replace(path)  # in one move: there is no moment at which a client finds an old or no socket

    def handle_error(self, request: object, client_address: object) -> None:
        _log.warning("a client went away: %s", sys.exc_info()[1])


class _Question(socketserver.StreamRequestHandler):
    server: Node
    timeout = 30

    def handle(self) -> None:
        line = self.rfile.readline(_MOST_BYTES)
        if not line.endswith(b"\n"):
            return
        descriptor = None
        try:
            request = json.loads(line)
            with self.server.turn:
                reply, descriptor = answer(self.server.executor, request)
        except (KeyError, TypeError, ValueError) as error:
            reply = {"refused": f"{type(error).__name__}: {error}"}
        try:
            content = json.dumps(reply).encode() + b"\n"
            if descriptor is None:
                self.request.sendall(content)
            else:
                socket.send_fds(self.request, [content], [descriptor])
        finally:
            if descriptor is not None:
                os.close(descriptor)


def answer(executor: LocalExecutor, request: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """What the node answers to a request. KeyError or ValueError for one that it does not understand."""
    operation = request["op"]
    if operation == "ping":
        return {"pid": os.getpid()}, None
    if operation == "only":
        executor.only([_name(each) for each in request["clusters"]])
        return {}, None
    folder = executor.folder(_name(request["cluster"]), _name(request["step"]))
    match operation:
        case "launch":
            argv, files = tuple(map(str, request["argv"])), request.get("files", {})
            task = Task(argv, _texts(request["environment"]), {str(k): _texts(v) for k, v in files.items()})
            return _launch(executor, folder, task), None
        case "poll":
            return _sighted(executor.poll(folder)), None
        case "kill":
            if folder.is_dir():
                executor.kill(folder, force=bool(request["force"]))
            return {}, None
        case "forget":
            executor.forget(folder)
            return {}, None
        case "watch":
            descriptor = executor.watch(folder)
            return {"watched": descriptor is not None}, descriptor
    raise ValueError(f"no operation {operation!r}")


def _texts(given: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()}


def _launch(executor: LocalExecutor, folder: Path, task: Task) -> dict[str, Any]:
    try:
        executor.launch(folder, task)
    except LaunchError as error:
        return {"problem": str(error)}
    return {}


def _sighted(seen: Sighting) -> dict[str, Any]:
    ended = seen.ended.isoformat() if seen.ended else None
    known = {**asdict(seen), "phase": seen.phase.value, "ended": ended}
    return {name: value for name, value in known.items() if value is not None}


def _name(given: object) -> str:
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise ValueError(f"{given!r} is no id")
    return given


def serve(place: Path, resource_manager: str, numbers: Range | None = None) -> int:
    """Serve until SIGTERM. Steps go on; they end with the container. numbers: of the users of clusters; None: ours."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / "node.lock").open("a") as lock:
        (place / "node.lock").chmod(0o600)  # who can open it can keep the next node from starting
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"emr-node: another node serves {place}", file=sys.stderr)
            return 1
        users = Users(place, numbers) if numbers else None
        with Node(place, Yarn(resource_manager) if resource_manager else None, users) as node:
            signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=node.shutdown).start())
            _log.info("serving %s", place)
            node.serve_forever()
    return 0


def ping(place: Path) -> int:
    """0 when the node that serves the place answers."""
    try:
        cluster.exchange(place / cluster.SOCKET, {"op": "ping"}, 5)
    except Away as away:
        print(f"emr-node: {away}", file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="emr-node", description="The EMR primary node's server of steps")
    parser.add_argument("place", type=Path, help="the folder that the node shares with the EMR endpoint")
    parser.add_argument("--ping", action="store_true", help="only ask the server that runs whether it is well")
    parser.add_argument(
        "--users", type=Range.read, metavar="FIRST:COUNT", help="numbers of Unix users, one for each cluster's steps"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if given.ping:
        return ping(given.place)
    return serve(given.place, os.environ.get("YARN_RESOURCE_MANAGER", ""), given.users)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
