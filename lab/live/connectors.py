"""The definitions of connectors in `debezium/`, and applying them: what is as it should be is left alone."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.live.connect import Connect, NotThere, State
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

FOLDER = REPOSITORY / "debezium"
SOURCE = "erp-source"
START_SECONDS = 180.0  # until the tasks of a new connector run, on a busy machine


@dataclass(frozen=True)
class Definition:
    """A connector as a file of `debezium/` declares it; its name is the file's."""

    name: str
    config: dict[str, str]


def definitions(folder: Path = FOLDER) -> list[Definition]:
    """Every definition, by name. LabError: a file is not a JSON object of texts."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise LabError(f"not JSON: {error}", where=f"debezium/{path.name}", fix="correct the file") from None
        if not isinstance(config, dict) or not all(isinstance(value, str) for value in config.values()):
            raise LabError("not an object of texts", where=f"debezium/{path.name}", fix='write every value in ""')
        found.append(Definition(path.stem, config))
    return found


def apply(connect: Connect, definition: Definition) -> bool:
    """Make the connector as defined, and start what has failed of it; returns whether that changed anything."""
    try:
        there = connect.config(definition.name)
    except NotThere:
        there = {}
    if {key: value for key, value in there.items() if key != "name"} != definition.config:
        connect.put(definition.name, definition.config)
        return True
    if connect.state(definition.name).failed:
        connect.restart_failed(definition.name)
        return True
    return False


def wait_until_running(connect: Connect, name: str, seconds: float = START_SECONDS) -> State:
    """The connector's state when all of it runs. LabError with the reason when it fails, or takes too long."""
    return wait_until(connect, name, lambda state: state.running, "running", seconds)


def wait_until(
    connect: Connect, name: str, come: Callable[[State], bool], what: str, seconds: float = START_SECONDS
) -> State:
    """The connector's state when it is so. LabError with the reason when it fails, or takes too long."""
    end = time.monotonic() + seconds
    state = State(name, "UNKNOWN", ())
    while time.monotonic() < end:
        with contextlib.suppress(NotThere):  # accepted, and not yet written down
            state = connect.state(name)
        if come(state):
            return state
        if state.failed and what == "running":
            break
        time.sleep(0.3)
    raise LabError(
        f"connector {name} is {state.seen}, not {what}{f': {state.why}' if state.why else ''}",
        fix="see `lab stack logs connect`",
    )
