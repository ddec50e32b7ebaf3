"""The container's first process: prepares Airflow's database, then runs its components and ends when one of them does.

Compose's restart policy then starts the container anew: three processes that need each other are one service.
Airflow starts beside the servers that the cluster needs: what it has to know of the cluster is brought into its
database when one stands, and at each later change (records.py).
Standard library only, as it stays in memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

COMPONENTS = (
    ["api-server", "--workers", "1", "--proxy-headers"],
    ["scheduler", "--skip-serve-logs"],
    ["dag-processor"],
)
HOME = Path(os.environ["AIRFLOW_HOME"])
VARIABLES = Path(os.environ["LAB_VARIABLES"])
# For healthy.py. GIVEN: the variables that are in the database.
STARTED, READY, GIVEN = HOME / "started", HOME / "ready", HOME / "given"
PATIENCE = 20  # seconds between SIGTERM and SIGKILL; Compose allows 30


def main() -> int:
    """Exit status: 0 after SIGTERM, else 1, or what the preparation ended with."""
    for mark in (READY, GIVEN):
        mark.unlink(missing_ok=True)
    STARTED.touch()
    write_password(Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]))
    return bring_records() or Supervisor().run()


def bring_records() -> int:
    """Tables, connections and variables, by records.py; returns how it ended."""
    variables = content(VARIABLES)
    done = subprocess.run([sys.executable, Path(__file__).with_name("records.py")], check=False)
    if not done.returncode and variables:
        GIVEN.write_bytes(variables)
    return done.returncode


def content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def write_password(path: Path) -> None:
    """The simple auth manager reads users' passwords from a file, which it would else fill by itself."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}, stream)


class Supervisor:
    """The components as processes, each with a group of its own."""

    def __init__(self) -> None:
        self._asked = False
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self) -> int:
        """Return when SIGTERM came, a component ended or records could not be brought; no component is left then."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for component in COMPONENTS:
            self._running.append(subprocess.Popen(["airflow", *component], start_new_session=True))
        brought = 0
        while not self._asked and not brought and all(process.poll() is None for process in self._running):
            time.sleep(0.5)
            if content(VARIABLES) not in (b"", content(GIVEN)):
                brought = bring_records()
        for process, (name, *_) in zip(self._running, COMPONENTS, strict=True):
            if not self._asked and process.poll() is not None:
                print(f"airflow: {name} ended with {process.returncode}; the container starts anew", file=sys.stderr)
        if brought:
            print(f"airflow: records.py ended with {brought}; the container starts anew", file=sys.stderr)
        self._end_all()
        return 0 if self._asked else 1

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def _end_all(self) -> None:
        for process in self._running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            # Also what a component leaves behind, such as the task of a dead scheduler.
            _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    sys.exit(main())
