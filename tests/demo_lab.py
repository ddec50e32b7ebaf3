"""A lab of its own for a test, driven by the `lab` command as a user would."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.embedded.place import Place
from lab.embedded.postgres import OWNER, Postgres
from lakelab.settings import load_settings

STUDENTS, SEED = 1500, 7


@dataclass(frozen=True)
class Lab:
    """One embedded lab: its folder and port."""

    home: Path
    port: int

    @property
    def temporary(self) -> Path:
        """What the lab's processes take for the machine's folder of temporary files."""
        return self.home.parent / "tmp"

    @property
    def environment(self) -> dict[str, str]:
        self.temporary.mkdir(exist_ok=True)
        own = {"LAB_HOME": str(self.home), "LAB_ERP_PORT": str(self.port), "TMPDIR": str(self.temporary)}
        chosen = {"LAB_STUDENTS": str(STUDENTS), "LAB_SEED": str(SEED), "COLUMNS": "200", "LAB_WARM": "0"}
        return {**os.environ, **own, **chosen}

    @property
    def place(self) -> Place:
        return Place(load_settings(self.environment))

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """The command in the background, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "lab.cli", *arguments],
            env={**self.environment, **changes},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home.parent,
            start_new_session=True,
        )

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The same; it does not outlive the block. Where the block fails its children do not, either: the next test
        would take them for its own.
        """
        process = self.start(*arguments)
        try:
            yield process
        except BaseException:
            process.kill()  # first: it would start more of them
            self.kill_processes()
            raise
        finally:
            process.kill()
            process.wait(20)

    def run(self, *arguments: str, text: str | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lab.cli", *arguments],
            env={**self.environment, **changes},
            input=text,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            cwd=self.home.parent,
        )

    def succeed(self, *arguments: str, **changes: str) -> str:
        """The command's output; the test fails with what it said when it does not end with 0."""
        done = self.run(*arguments, **changes)
        assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "run.json").read_text())
        return found

    def checksums(self) -> dict[str, tuple[str, str, str]]:
        """Of each table after the last run: ERP, stage, presentation."""
        tiers = ("erp", "stage", "presentation")
        return {t["table"]: tuple(t[tier]["checksum"] for tier in tiers) for t in self.record()["tables"]}

    def answers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.home / "answers.json").read_text())
        return found

    def erp(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement in the ERP as its owner."""
        with Postgres(self.place).running() as postgres:
            connection = postgres.connect(OWNER)
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                rows = list(cursor.fetchall()) if cursor.description else []
            connection.close()
        return rows

    def processes(self) -> list[str]:
        """Command lines of the processes that work for this lab."""
        return [line for _, line in self._at_work()]

    def kill_processes(self) -> None:
        for process, _ in self._at_work():
            with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself meanwhile
                process.kill()

    def _at_work(self) -> Iterator[tuple[psutil.Process, str]]:
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if process.pid != os.getpid() and str(self.home) in line:
                yield process, line

    def remove(self) -> None:
        self.kill_processes()
        Postgres(self.place).remove()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_lab(home: Path) -> Iterator[Lab]:
    lab = Lab(home, free_port())
    try:
        yield lab
    finally:
        lab.remove()


def new_copy(lab: Lab, home: Path) -> Iterator[Lab]:
    """A lab with the data of another one in which no command is at work. It takes a second; a run takes many."""
    for copy in new_lab(home):
        shelves = [(lab.home, home)]
        source, target = Postgres(lab.place).root, Postgres(copy.place).root
        if lab.home not in source.parents:
            shelves.append((source, target))
        for here, there in shelves:
            subprocess.run(["cp", "-a", here, there], check=True)  # owners, too: the data are Postgres' own
        yield copy


@pytest.fixture(scope="session")
def demo_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in which `lab demo` ran once. Tests leave its data as they found it."""
    for lab in new_lab(tmp_path_factory.mktemp("demo") / "lab"):
        lab.succeed("warm")  # once for all labs: every JVM of the tests starts faster
        output = lab.succeed("demo")
        (lab.home.parent / "output.txt").write_text(output)
        yield lab


@pytest.fixture
def spare_lab(demo_lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """A copy of the demo lab, for one test to do with as it likes."""
    yield from new_copy(demo_lab, tmp_path / "lab")


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in which nothing ran yet, for the tests of one module, in their order."""
    yield from new_lab(tmp_path_factory.mktemp("own") / "lab")


@pytest.fixture
def fresh_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab in which nothing ran yet, for one test."""
    yield from new_lab(tmp_path / "lab")


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Signal a process and wait for its end; returns its exit code and what it said on stderr."""
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said
