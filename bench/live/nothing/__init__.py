"""What the API is compared with: the entrance and instances of an application that does nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.stack.compose import failed, image_tag
from lab.stack.place import Stack

FILE = Path(__file__).parent / "compose.yaml"


@dataclass(frozen=True)
class Nothing:
    """A small stack of its own. tag: of the images."""

    project: str
    tag: str

    def instances(self, count: int) -> None:
        """As many of the application, when all are well. LabError."""
        self._run("up", "--detach", "--wait", "--wait-timeout", "120", f"--scale=api={count}")

    @property
    def port(self) -> int:
        """Where its entrance is on 127.0.0.1."""
        return int(self._run("port", "nginx", "8443").strip().rpartition(":")[2])

    def authority(self) -> str:
        return self._run("exec", "-T", "nginx", "cat", "/var/lib/entrance/ca.crt")

    def list_of_instances(self) -> str:
        """What its entrance sends requests to."""
        return self._run("exec", "-T", "nginx", "cat", "/tmp/api_servers.conf")

    def remove(self) -> None:
        self._run("down", "--volumes", "--timeout", "0")

    def _run(self, *arguments: str) -> str:
        command = ["docker", "compose", "-f", str(FILE), "-p", self.project, *arguments]
        variables = {**os.environ, "LAKELAB_TAG": self.tag}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise failed(done, f"docker compose {arguments[0]}")
        return done.stdout


@contextlib.contextmanager
def nothing(stack: Stack) -> Iterator[Nothing]:
    """It, and none of it at the end."""
    found = Nothing(f"{stack.environment.project}-bench", image_tag(stack.environment))
    try:
        found.remove()
        yield found
    finally:
        found.remove()
