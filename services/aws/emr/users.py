"""A Unix user for each cluster on the primary node, so that its steps reach nobody else's processes and files.

All of these users are called hadoop (services/hadoop/Dockerfile), as on EMR; they differ in their numbers. The folders
belong to the node's own user; a step owns its `work` and `conf`, and its cluster's home, which goes with the cluster.
Standard library only: it runs on the primary node. It takes the rights to change a process's user, to give files away
and to end another user's processes, and no others.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.aws.emr import runner

_KEPT = "users.json"
_REMOVE = 'chmod -R u+rwX -- "$@" 2>/dev/null; rm -rf -- "$@" 2>/dev/null; true'
_END = f"kill -9 -1 2>/dev/null; {_REMOVE}"  # all of its processes but this one


class NoUserLeftError(Exception):
    """All users are those of clusters that live."""


@dataclass(frozen=True)
class Range:
    """`count` user numbers, from `first` on. A user's group has the same number."""

    first: int
    count: int

    @classmethod
    def read(cls, text: str) -> Range:
        """`20001:500`. ValueError for anything else."""
        first, _, count = text.partition(":")
        return cls(int(first), int(count))


class Users:
    """The users of the clusters whose folders are in `place`. For one thread at a time."""

    def __init__(self, place: Path, numbers: Range) -> None:
        self._place, self._numbers = place, numbers
        self._homes = place / "home"
        place.chmod(0o711)  # steps pass through, and list nothing
        for folder in (self._homes, place / "steps"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)

    def of(self, cluster_id: str) -> int:
        """The cluster's user, chosen at the first call. NoUserLeftError."""
        chosen = self._chosen()
        if cluster_id not in chosen:
            taken = set(chosen.values())
            numbers = range(self._numbers.first, self._numbers.first + self._numbers.count)
            free = next((number for number in numbers if number not in taken), None)
            if free is None:
                raise NoUserLeftError(f"{len(taken)} clusters have a user on the primary node, and there are no more")
            self._clear(free)
            self._keep({**chosen, cluster_id: free})
        return chosen.get(cluster_id) or self._chosen()[cluster_id]

    def home(self, user: int) -> Path:
        """The user's home, made at the first call."""
        home = self._homes / str(user)
        if not home.is_dir():
            home.mkdir(mode=0o700)
            os.chown(home, user, user)
        return home

    def hand_over(self, folder: Path, user: int) -> None:
        """Give a step what it works with. Its cluster's group alone may pass through to it."""
        for passage in (folder.parent, folder):
            passage.chmod(0o710)
            os.chown(passage, -1, user)
        for given in (folder / "work", folder / "conf"):
            if given.is_dir():
                given.chmod(0o700)
                for path in given.rglob("*"):
                    os.chown(path, user, user, follow_symlinks=False)
                os.chown(given, user, user)

    def take_back(self, folder: Path) -> None:
        """Remove what a step owns of its folder."""
        user = self._chosen().get(folder.parent.name)
        if user is not None:
            _as(user, _REMOVE, folder / "work", folder / "conf")

    def keep(self, cluster_ids: Collection[str]) -> None:
        """Free the users of all other clusters: what still runs as them is ended, what they have is removed. Their logs
        stay.
        """
        chosen = self._chosen()
        over = [cluster_id for cluster_id in chosen if cluster_id not in cluster_ids]
        for cluster_id in over:
            user = chosen.pop(cluster_id)
            self._clear(user)
            for folder in (self._place / "steps" / cluster_id).glob("[!.]*"):
                _as(user, _REMOVE, folder / "work", folder / "conf")
                for log in (folder / "stdout", folder / "stderr"):
                    with contextlib.suppress(FileNotFoundError):
                        os.chown(log, os.geteuid(), -1)
                os.chown(folder, -1, os.getegid())
        if over:
            self._keep(chosen)

    def _clear(self, user: int) -> None:
        home = self._homes / str(user)
        _as(user, _END, home)

    def _chosen(self) -> dict[str, int]:
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((self._place / _KEPT).read_text()))
        return {}

    def _keep(self, chosen: Mapping[str, int]) -> None:
        runner.write_whole(self._place / _KEPT, chosen)


def _as(user: int, script: str, *paths: Path) -> None:
    """Run a script on folders as the user whose they are: nothing else is at risk."""
    subprocess.run(
        ["sh", "-c", script, "sh", *map(str, paths)],
        preexec_fn=lambda: runner.become_user(user), stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    for path in paths:  # empty now, and in a folder of ours
        with contextlib.suppress(OSError):
            path.rmdir()
