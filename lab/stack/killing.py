"""kill -9 of a server of the stack, as a crash would have it: the engine starts it again by itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

from lab.stack import compose
from lab.stack.compose import Container
from lab.waiting import until
from lakelab.errors import LabError

ENDS_WITHIN = 120.0  # seconds
WELL_WITHIN = 300.0


def kill(container: Container, program: str = "") -> None:
    """kill -9 of everything in a container, or of the processes whose command line has a word, from inside.

    The engine's own kill would count as stopped by hand, and the server would stay away. Returns when the container
    has ended. LabError when it does not.
    """
    one = f"""for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q '{program}' &&
        [ "${{p#/proc/}}" != $$ ] && [ "${{p#/proc/}}" != 1 ] && kill -9 "${{p#/proc/}}"; done; true"""
    before = started_at(container)
    subprocess.run(
        ["docker", "exec", container.id, "sh", "-c", one if program else "kill -9 -1"], capture_output=True, check=False
    )
    until(lambda: started_at(container) != before, ENDS_WITHIN, _late(f"{container.service} does not end", ENDS_WITHIN))


def started_at(container: Container) -> str:
    """When the container was started last, as the engine writes it."""
    return str(_state(container)["StartedAt"])


def wait_until_well(container: Container, seconds: float = WELL_WITHIN) -> None:
    """Until the container is healthy again. LabError when it is not in time.

    The engine is asked, not Compose: that takes a tenth of the work, which who is waited for can use.
    """

    def well() -> bool:
        state = _state(container)
        health = state.get("Health", {}).get("Status", "")
        return replace(container, state=state["Status"], health=health, exit_code=state["ExitCode"]).well

    until(well, seconds, _late(f"{container.service} is not well again", seconds))


def _state(container: Container) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compose.docker("inspect", container.id))[0]["State"]
    return found


def _late(what: str, seconds: float) -> LabError:
    return LabError(f"{what} after {seconds:.0f} s", fix="`make status` and `make logs` tell more")
