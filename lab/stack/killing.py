"""kill -9 of a server of the stack, as a crash would have it: the engine starts it again by itself."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from lab.stack.compose import Container, inspect
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
    return str(inspect(container)["State"]["StartedAt"])


def wait_until_well(container: Container, seconds: float = WELL_WITHIN) -> None:
    """Until the container is healthy again. LabError when it is not in time."""

    def well() -> bool:
        state = inspect(container)["State"]  # not of Compose: who is waited for can use the cores
        health = state.get("Health", {}).get("Status", "")
        return replace(container, state=state["Status"], health=health, exit_code=state["ExitCode"]).well

    until(well, seconds, _late(f"{container.service} is not well again", seconds))


def _late(what: str, seconds: float) -> LabError:
    return LabError(f"{what} after {seconds:.0f} s", fix="`make status` and `make logs` tell more")
