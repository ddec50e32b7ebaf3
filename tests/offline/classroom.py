"""A machine that reaches nothing, inside of this one: an engine and a clone of their own, and no network but loopback.

The engine runs in a network namespace without any interface that leads out, with all that talks to it, and begins
without an image. In a process and a mount namespace of its own, it ends with all its containers and mounts at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from polling import poll_until

from lab.stack import compose
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

DISK_GB = 14  # the bundle, its images unpacked, once more while they are loaded, the packages, and the stack's data
PATIENCE = 1200  # seconds for one command on a busy machine
STUDENTS, SEED = 1500, 7
NAMESPACES = ("--net", "--mount", "--pid")
# A new network namespace has its loopback interface down. 0x8914 is SIOCSIFFLAGS, 0x49 is up, running, loopback.
LOOPBACK = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x49))
"""


@dataclass(frozen=True)
class Classroom:
    """Runs commands on the machine without a network, in its clone."""

    folder: Path
    engine_pid: int

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    @property
    def command(self) -> list[str]:
        """What a command begins with to be run there. Nothing of this shell's settings goes with it."""
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            "DOCKER_HOST": f"unix://{self.folder}/engine.sock",
            # Where Compose may be installed for this user alone.
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
            "LAB_STUDENTS": str(STUDENTS),
            "LAB_SEED": str(SEED),
            "PYTHONPATH": "tests",
        }
        given = [f"{name}={value}" for name, value in variables.items()]
        return ["nsenter", "--target", str(self.engine_pid), *NAMESPACES, "env", "-i", "-C", str(self.clone), *given]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def succeed(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def make(self, target: str, *settings: str) -> str:
        return self.succeed("make", "--no-print-directory", target, f"PYTHON={_python()}", *settings)

    def python(self, *arguments: str) -> str:
        """The clone's own Python, with the packages out of the bundle."""
        return self.succeed(".venv/bin/python", *arguments)


def _python() -> str:
    """The Python that this test's environment was made of: the bundle is for the same minor version."""
    return str(Path(sysconfig.get_config_var("BINDIR")) / f"python{sys.version_info.major}.{sys.version_info.minor}")


def require_rights() -> None:
    """Skips where there can be no such machine, with what to do."""
    if os.environ.get("LAB_TEST_STACK") == "running":
        pytest.skip("starts a stack of its own: unset LAB_TEST_STACK")
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a second engine and a network namespace need Linux and root: sudo make test-stack")
    for program in ("dockerd", "unshare", "nsenter"):
        if not shutil.which(program):
            pytest.skip(f"there is no {program}: make engine, on Debian or Ubuntu")
    try:
        compose.require_engine()
    except LabError as error:
        pytest.skip(f"{error.what}: make engine")


def require_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < DISK_GB:
        pytest.skip(f"{free:.0f} GB free in {folder}: free {DISK_GB} GB, or set TMPDIR to another disk")


@contextlib.contextmanager
def open_classroom(folder: Path) -> Iterator[Classroom]:
    """The machine; at the end it and all that it has on disk are gone."""
    (folder / "home").mkdir()
    _clone(folder / "clone")
    with (folder / "engine.log").open("w") as log:
        outer = subprocess.Popen(_engine(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Classroom(folder, _started(outer, folder))
    finally:
        _end(outer)
        shutil.rmtree(folder)


def _engine(folder: Path) -> list[str]:
    here = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/engine.pid"]
    # The driver of this machine's engine works here: another one that needs no rights would need ten times the disk.
    driver = compose.docker("info", "--format", "{{.Driver}}")
    start = f'{sys.executable} -c "$LOOPBACK" && exec dockerd "$@"'
    return [
        *("env", f"LOOPBACK={LOOPBACK}", "unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc"),
        *("sh", "-c", start, "dockerd", *here, "--storage-driver", driver, "-H", f"unix://{folder}/engine.sock"),
    ]


def _started(outer: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait for the engine; its process number."""
    address = {**os.environ, "DOCKER_HOST": f"unix://{folder}/engine.sock"}

    def answers() -> bool:
        last = (folder / "engine.log").read_text().splitlines()[-3:]
        assert outer.poll() is None, f"the second engine ended: {' '.join(last)}"
        return bool(compose.docker("version", "--format", "{{.Server.Version}}", check=False, variables=address))

    poll_until(answers, "the second engine", 120)
    return _children(outer.pid)[0]


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _end(outer: subprocess.Popen[bytes]) -> None:
    """Kill it: with the first process of its namespace goes every other."""
    inner = _children(outer.pid) if outer.poll() is None else []
    outer.kill()
    outer.wait()
    for pid in inner:
        poll_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the second engine", 60)  # noqa: B023


def _clone(target: Path) -> None:
    """A fresh clone, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source = REPOSITORY / name
        if source.is_file():  # one that was deleted is listed, too
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
