"""How steps become processes: the protocol, and processes of this machine.

The engine keeps no handle: everything about a step's processes is found again from the step's folder, so a new
engine goes on where a killed one stopped.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from services.aws.emr import runner

# What a step inherits of the engine's own environment; all else comes from the engine's `environment`.
INHERITED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
_GONE = ".gone-"
RESTARTED = "The machine that ran the step was started anew while it ran, and the step ended with it"


class LaunchError(Exception):
    """The step's process could not be started; the message is for the step's failure details."""


class Away(Exception):
    """The machine that runs the steps does not answer now. What was asked for may be asked for again."""


@dataclass(frozen=True)
class Task:
    """What to run: argv[0] is looked for on the environment's PATH.

    files: properties that go over those of the machine's own configuration files, such as `hadoop/core-site.xml`.
    user: the number of the Unix user to run it as; None: ours.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    user: int | None = None


class Phase(Enum):
    ABSENT = "absent"  # never launched
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"  # launched, but gone without a word


@dataclass(frozen=True)
class Sighting:
    """What the executor sees of a step. `code` is negative for a signal; `cancelled`: it ended after `kill`;
    `why`: what is known of how a lost one was lost.
    """

    phase: Phase
    code: int | None = None
    cancelled: bool = False
    ended: datetime | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    why: str | None = None


@dataclass(frozen=True)
class Span:
    """A piece of a file: `most` bytes from `start`; without a start the last ones."""

    start: int | None
    most: int

    def within(self, size: int) -> tuple[int, int]:
        """Where the piece begins and ends in a file of that size."""
        start = max(0, size - self.most) if self.start is None else min(self.start, size)
        return start, min(start + self.most, size)


@dataclass(frozen=True)
class Part:
    """A piece of a file of `size` bytes, from `start`."""

    start: int
    size: int
    content: bytes


class Executor(Protocol):
    """Starts, watches and ends steps. Called by several threads, for one step by one at a time; folders are those of
    `folder`.
    """

    custom_jars: bool  # whether it can run a JAR of the user's
    remote: bool  # whether steps run on another machine, whose own files cannot be read from here

    def folder(self, cluster_id: str, step_id: str) -> Path:
        """The step's folder; `prepare` makes it."""
        ...

    def prepare(self, folder: Path) -> Path:
        """Make the folder; returns the one that the step will start in, for files that it needs."""
        ...

    def check(self) -> None:
        """Away when no step can be started now."""
        ...

    def launch(self, folder: Path, task: Task) -> None:
        """Start the step unless it was started before. LaunchError when that is impossible, Away when not now."""
        ...

    def poll(self, folder: Path) -> Sighting:
        """What has become of the step. While that cannot be known, a step that was started is running."""
        ...

    def kill(self, folder: Path, *, force: bool) -> None:
        """Ask the step's whole process group to end (SIGTERM), or end it (SIGKILL). Harmless when it ended.

        Away when that cannot be done now: the step knows that it shall end, but does not end yet.
        """
        ...

    def watch(self, folder: Path) -> int | None:
        """A file descriptor that becomes readable when the step ends, for the caller to close; None: poll."""
        ...

    def tail(self, folder: Path, name: str, limit: int | None = None) -> bytes:
        """The last bytes of `stdout`, `stderr` or another file of the step; empty when there is none."""
        ...

    def part(self, folder: Path, name: str, span: Span) -> Part | None:
        """A piece of such a file, while it grows too; None when there is none."""
        ...

    def forget(self, folder: Path) -> None:
        """Remove what is kept of an ended step."""
        ...

    def kept(self) -> list[tuple[str, str]]:
        """Cluster and step of each folder that exists."""
        ...

    def only(self, cluster_ids: Collection[str]) -> None:
        """What is kept for clusters beside their steps may go, but for these clusters."""
        ...


class LocalExecutor:
    """Steps as processes of this machine, each under a `runner`. Folders are `root/<cluster>/<step>`.

    inherited: the names of what a step takes over of our environment; None: all.
    """

    custom_jars = False
    remote = False

    def __init__(self, root: Path, inherited: Collection[str] | None = INHERITED) -> None:
        self.root = root.absolute()
        self._inherited = inherited
        for gone in self.root.glob(f"*/{_GONE}*"):
            shutil.rmtree(gone, ignore_errors=True)

    def folder(self, cluster_id: str, step_id: str) -> Path:
        return self.root / cluster_id / step_id

    def prepare(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        work = folder / "work"
        work.mkdir(exist_ok=True)
        return work

    def check(self) -> None:
        """This machine is always there."""

    def launch(self, folder: Path, task: Task) -> None:
        names = os.environ if self._inherited is None else self._inherited
        inherited = {name: os.environ[name] for name in names if name in os.environ}
        try:
            runner.write_whole(folder / "task.json", {"argv": list(task.argv), "user": task.user})
            with (folder / "runner.log").open("ab") as log:
                # -I -S: no user paths, no site-packages; it starts in half the time.
                started = subprocess.run(
                    [sys.executable, "-I", "-S", runner.__file__, str(folder)],
                    env={**inherited, **task.environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=folder, check=False,
                )  # fmt: skip
        except OSError as error:
            raise LaunchError(f"the step could not be started: {error.strerror}") from None
        if started.returncode != 0:
            why = self.tail(folder, "runner.log", 2000).decode(errors="replace").strip().splitlines()
            raise LaunchError(f"the step could not be started: {why[-1] if why else started.returncode}")

    def poll(self, folder: Path) -> Sighting:
        claim = read_whole(folder / "claim.json")
        if claim is None:
            return Sighting(Phase.ABSENT)
        alive = _alive(claim)
        # In this order: a runner writes the exit before it ends.
        result = exited(folder)
        if result is not None:
            return result
        if alive:
            return Sighting(Phase.RUNNING)
        self.kill(folder, force=True)  # what the runner left behind must not go on unseen
        return Sighting(Phase.LOST, why=None if _same_boot(claim) else RESTARTED)

    def kill(self, folder: Path, *, force: bool) -> None:
        # The mark first: a runner that has not yet let its child go will see it, and one that has, has noted it.
        (folder / "cancel").touch()
        child = read_whole(folder / "child.json")
        if child is not None and _group_is_ours(child):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child["pid"], signal.SIGKILL if force else signal.SIGTERM)

    def watch(self, folder: Path) -> int | None:
        claim = read_whole(folder / "claim.json")
        if claim is None or not hasattr(os, "pidfd_open"):
            return None
        try:
            descriptor = os.pidfd_open(claim["pid"])
        except OSError:
            return None
        if _alive(claim):
            return descriptor
        os.close(descriptor)  # ended, or its number belongs to another by now
        return None

    def tail(self, folder: Path, name: str, limit: int | None = None) -> bytes:
        try:
            with open_plain(folder / name) as file:
                if limit is not None:
                    file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
                return file.read()
        except FileNotFoundError:
            return b""

    def part(self, folder: Path, name: str, span: Span) -> Part | None:
        try:
            with open_plain(folder / name) as file:
                size = file.seek(0, os.SEEK_END)
                start, end = span.within(size)
                file.seek(start)
                return Part(start, size, file.read(end - start))
        except FileNotFoundError:
            return None

    def forget(self, folder: Path) -> None:
        gone = folder.with_name(_GONE + folder.name)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(gone)  # at once: half a folder would look like a step with half its logs
        shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(OSError):  # the cluster's folder goes with its last step
            folder.parent.rmdir()

    def kept(self) -> list[tuple[str, str]]:
        return [(folder.parent.name, folder.name) for folder in self.root.glob("[!.]*/[!.]*")]

    def only(self, cluster_ids: Collection[str]) -> None:
        """There is nothing."""


def open_plain(path: Path) -> BinaryIO:
    """A file of a step's folder, to be read. The step may have put something else in its place: a link would lead to
    what we may read and it may not, and a pipe would have us wait for it. FileNotFoundError then, too.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.ENOENT, errno.ENOTDIR):
            raise
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "not a file", str(path))
    return os.fdopen(descriptor, "rb")


def exited(folder: Path) -> Sighting | None:
    """How the step ended by its runner's word; None before that."""
    result = read_whole(folder / "exit.json")
    if result is None:
        return None
    return Sighting(
        Phase.EXITED, result["code"], result["cancelled"], datetime.fromtimestamp(result["at"], UTC),
        result["seconds"], result["cpu"], result["peak_bytes"],
    )  # fmt: skip


def read_whole(path: Path) -> dict[str, Any] | None:
    """One of the small files of a step's folder; None when it is not there (yet)."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content


def _alive(process: dict[str, Any] | None) -> bool:
    return process is not None and runner.started_at(process["pid"]) == process["started"]


def _group_is_ours(leader: dict[str, Any]) -> bool:
    """Whether the process group still is the step's. Its leader may have died, but then no one else may have got
    the number, and the machine may not have been started anew since.
    """
    return _same_boot(leader) and runner.started_at(leader["pid"]) in (leader["started"], None)


def _same_boot(process: dict[str, Any]) -> bool:
    """Whether the process was started since the machine, or the container, was."""
    boot = runner.boot()
    return not boot or process["started"] is None or process["started"].startswith(boot)
