"""The way of a bundle into a classroom: made here, loaded there, started there. Each fixture is a step of it.

They end with the module, so that the next tests have the machine for a stack of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from classroom import Classroom, open_classroom, require_rights, require_room
from rich.console import Console

from lab.stack.bundle import write_bundle
from lab.stack.compose import Compose
from lab.stack.environment import ensure_environment

TIMEOUT = 3600  # for a step on a busy machine; all of them take seven minutes on 2 idle cores


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """The machine that reaches nothing."""
    require_rights()
    folder = tmp_path_factory.mktemp("classroom")
    require_room(folder)
    with open_classroom(folder) as room:
        yield room


@pytest.fixture(scope="module")
def bundle(room: Classroom) -> Path:
    """The file, made on this machine and carried there."""
    missing = Compose(ensure_environment()).missing_images()
    if missing:
        pytest.skip(f"images are not built ({', '.join(missing)}): make build")
    return write_bundle(room.folder / "stick", Console())


@pytest.fixture(scope="module")
def loaded(room: Classroom, bundle: Path) -> str:
    """What `make load` said."""
    return room.make("load", f"FILE={bundle}")


@pytest.fixture(scope="module")
def up(room: Classroom, loaded: str) -> str:
    """What `make up` said. All of it is gone with the room."""
    return room.make("up")


@pytest.fixture(scope="module")
def tasks(room: Classroom, up: str) -> str:
    """A run of the pipeline, and how each of its tasks ended. The live half has no part in it."""
    room.make("up", "ONLY=batch")
    return room.python("tests/offline/run_pipeline.py")
