"""An EMR engine whose steps run under a real node process, and a ResourceManager that knows what it was told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from emr_lab import Emr
from polling import poll_until

from lakelab.settings import REPOSITORY
from services.aws.emr import node
from services.aws.emr.cluster import ClusterExecutor


class Node:
    """The primary node's server as a process of its own."""

    def __init__(self, place: Path, **variables: str) -> None:
        self.place, self.variables = place, variables
        self.options: list[str] = []
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.aws.emr.node", str(self.place), *self.options],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **self.variables}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        poll_until(lambda: node.ping(self.place) == 0, "the node to answer", 15)

    def die(self) -> None:
        """As with kill -9; its steps live on, as they would not in a container."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As its container is stopped; returns its exit code."""
        self.process.terminate()
        return self.process.wait(15)


class ClusterEmr(Emr):
    """The engine of `emr_lab` on a node."""

    def __init__(self, root: Path, **variables: str) -> None:
        super().__init__(root)
        self.node = Node(root / "emr", **variables)
        self.now = 0.0

    def make_executor(self, answer_seconds: float = 1) -> ClusterExecutor:
        place = self.root / "emr"
        return ClusterExecutor(place, gone_seconds=60, answer_seconds=answer_seconds, clock=lambda: self.now)


class ResourceManager(BaseHTTPRequestHandler):
    """The two calls of YARN's REST API that the node makes, over `applications`: id → [tag, state]."""

    applications: dict[str, list[str]]

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        found = [
            {"id": name}
            for name, (tag, state) in self.applications.items()
            if [tag] == query["applicationTags"] and state in query["states"][0].split(",")
        ]
        self._answer({"apps": {"app": found} if found else None})

    def do_PUT(self) -> None:
        name = urlsplit(self.path).path.split("/")[-2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.applications[name][1] = body["state"]
        self._answer(body)

    def _answer(self, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Yarn:
    """A ResourceManager on a port of the loopback."""

    def __init__(self) -> None:
        self.applications: dict[str, list[str]] = {}
        handler = type("Handler", (ResourceManager,), {"applications": self.applications})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def yarn() -> Iterator[Yarn]:
    server = Yarn()
    yield server
    server.stop()


@pytest.fixture
def cluster_emr(tmp_path: Path, yarn: Yarn) -> Iterator[ClusterEmr]:
    lab = ClusterEmr(tmp_path, YARN_RESOURCE_MANAGER=yarn.url)
    lab.node.start()
    lab.start()
    yield lab
    if lab.node.process.poll() is not None:
        lab.node.start()
    lab.node.process.send_signal(signal.SIGCONT)
    lab.stop(terminate=True)
    lab.node.die()
    for gate in lab.gates:
        gate.close()
