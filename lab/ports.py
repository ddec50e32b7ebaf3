"""Ports on 127.0.0.1: whether one is free, and choosing some that no other lab of this user has just chosen."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO

from lakelab.errors import LabError

KEPT_SECONDS = 900  # from the choice of a port until its server listens, on a slow machine too


def is_free(port: int) -> bool:
    """Whether nobody listens at 127.0.0.1 on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def choosing(owner: str, taken: Collection[int] = ()) -> Iterator[Callable[[int], int]]:
    """Gives a function that returns the first free port from a number on, another one at each call.

    taken: ports that the owner has already.
    Two clones that start in the same second see the same ports free. So one process at a time chooses, and what it
    chose is written down and kept from other owners until its server has had the time to start.
    """
    with _register() as stream:
        kept = _read(stream)
        kept.pop(owner, None)
        passed = {*taken, *(port for ports, _ in kept.values() for port in ports)}
        chosen: list[int] = []

        def choose(first: int) -> int:
            port = next((p for p in range(first, 65536) if p not in passed and is_free(p)), None)
            if port is None:
                raise LabError(f"no port from {first} on is free", where="127.0.0.1", fix="stop what listens there")
            passed.add(port)
            chosen.append(port)
            return port

        yield choose
        stream.seek(0)
        stream.truncate()
        json.dump({**kept, owner: ([*taken, *chosen], time.time())}, stream)


def register_path() -> Path:
    """The file that all labs of this user on this machine share."""
    return Path(tempfile.gettempdir()) / f"lakelab-ports-{os.getuid()}"


@contextlib.contextmanager
def _register() -> Iterator[IO[str]]:
    path = register_path()
    try:
        # A link at this place could be anybody's, and lead anywhere.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LabError(f"cannot open: {error.strerror}", where=str(path), fix="delete it, then again") from None
    with os.fdopen(handle, "r+", encoding="utf-8") as stream:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield stream


def _read(stream: IO[str]) -> dict[str, tuple[list[int], float]]:
    """What was chosen lately, and by whom. A file that a killed process left half written says nothing."""
    try:
        found = json.load(stream)
    except ValueError:
        return {}
    return {owner: (ports, at) for owner, (ports, at) in found.items() if 0 <= time.time() - at < KEPT_SECONDS}
