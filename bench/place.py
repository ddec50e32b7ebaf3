"""A lab of its own for the measurements: another folder and port than the user's, gone at the end."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Iterator

from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lakelab.settings import load_settings


@contextlib.contextmanager
def scratch_lab(students: int = 1000, seed: int = 5) -> Iterator[tuple[Place, Postgres]]:
    """An empty embedded lab with its Postgres running."""
    with scratch_place(students, seed) as place, Postgres(place).running() as server:
        yield place, server


@contextlib.contextmanager
def scratch_place(students: int, seed: int) -> Iterator[Place]:
    """An empty embedded lab, with nothing started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="lakelab-bench-") as home:
        environment = {"LAB_HOME": home, "LAB_ERP_PORT": port, "LAB_STUDENTS": students, "LAB_SEED": seed}
        place = Place(load_settings({name: str(value) for name, value in environment.items()}))
        try:
            yield place
        finally:
            Postgres(place).remove()
