"""The folder that holds an embedded lab: who may use it, what lies where, its generated secrets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lakelab.errors import LabError
from lakelab.settings import Settings
from lakelab.storage import FolderStorage

SECRETS = ("POSTGRES_PASSWORD", "ERP_OWNER_PASSWORD", "ERP_UNLOADER_PASSWORD", "HIVE_PASSWORD", "PSEUDONYM_KEY")


@dataclass(frozen=True)
class Place:
    """Paths of one embedded lab, all under `settings.home`."""

    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def seed(self) -> Path:
        return self.home / "seed"

    @property
    def clean(self) -> Path:
        """A school's own files, without the lines that were refused, on their way into the ERP."""
        return self.home / "clean"

    @property
    def unload(self) -> Path:
        return self.home / "unload"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def scratch(self) -> Path:
        """What a process keeps for as long as it runs: Java's and Python's temporary files, Spark's shuffles, Hive's
        sessions. Hive leaves some of it, and a killed process all: it goes with the last one in the lab, or before
        the next one begins.
        """
        return self.cache / "scratch"

    @property
    def conf(self) -> Path:
        return self.home / "conf"

    @property
    def emr(self) -> Path:
        return self.home / "emr"

    @property
    def run_record(self) -> Path:
        return self.home / "run.json"

    @property
    def answers(self) -> Path:
        return self.home / "answers.json"

    @property
    def report(self) -> Path:
        return self.home / "report.html"

    @property
    def storage(self) -> FolderStorage:
        return FolderStorage(self.home)

    def prepare(self) -> None:
        """Make the folders; LabError where the disk does not allow it."""
        folders = [self.logs, self.scratch, self.conf, self.emr, self.unload, self.home / "hdfs"]
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(
                f"cannot make the lab's folder: {error.strerror}",
                where=str(self.home),
                fix="set LAB_HOME to a folder you may write to",
            ) from None

    def clear_scratch(self) -> None:
        """For whoever is alone in the lab: others would miss their files."""
        for left in self.scratch.glob("*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Passwords and keys, generated once, readable by the owner alone."""
        path = self.home / "secrets.env"
        if not path.exists():
            self.prepare()
            text = "".join(f"{name}={secrets.token_hex(24)}\n" for name in SECRETS)
            handle = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as stream:
                stream.write(text)
            path.with_suffix(".new").rename(path)
        found = dict(line.split("=", 1) for line in path.read_text().split())
        missing = [name for name in SECRETS if name not in found]
        if missing:
            raise LabError(f"no {missing[0]}", where=str(path), fix="run `lab reset` to start anew")
        return found

    @contextlib.contextmanager
    def exclusive(self, doing: str) -> Iterator[None]:
        """Only one command at a time may change the lab; the next one is told who is at it."""
        self.prepare()
        with (self.home / "lock").open("a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                raise LabError(
                    f"another command is at work: {stream.read().strip() or 'unknown'}",
                    where=str(self.home),
                    fix="wait for it, or set LAB_HOME and LAB_ERP_PORT for a second lab",
                ) from None
            stream.truncate(0)
            stream.write(f"{doing}, process {os.getpid()}\n")
            stream.flush()
            yield

    def at_work(self) -> str | None:
        """The command that changes the lab just now, as it named itself; None when there is none."""
        try:
            stream = (self.home / "lock").open("a+")
        except OSError:
            return None
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                return stream.read().strip() or "unknown"
            return None
