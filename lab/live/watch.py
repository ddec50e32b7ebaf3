"""Role `cdc-watch`: looks every few seconds whether changes get through. `python -m lab.live.watch`.

Its state is the first word of STATE, `well` or `ill`, which the container's health check reads; a line is written when
it changes. What has failed of a connector is started again: Kafka Connect leaves it as it is. After a reading of the
tables that was interrupted, what was deleted meanwhile is deleted in Kafka, too.
"""

from __future__ import annotations

import time
from pathlib import Path

from lab.live.cdc import erp, warehouse
from lab.live.comparison import BusyError, Comparison, alone
from lab.live.connect import Connect
from lab.live.connectors import SOURCE, definitions
from lab.live.readings import Readings
from lab.live.status import Status, look
from lab.live.strays import SINK, follow_messages
from lab.live.warehouse import follow
from lab.stack import role
from lakelab.errors import LabError

STATE = Path("/tmp/cdc")
SECONDS = 5.0
LONGEST_PAUSE = 60.0  # between two starts of a connector that fails again and again


class Watch:
    """Sees states come and go. `tell` is given each line."""

    def __init__(self, connect: Connect, state: Path = STATE) -> None:
        self._connect, self._state = connect, state
        self._told: list[str] | None = None
        self._pause, self._next_try = 0.0, 0.0

    def see(self, status: Status, now: float) -> list[str]:
        """Note the state; returns the lines that are new."""
        problems = status.problems
        lines = [] if problems == self._told else problems or ["changes get through"]
        self._told = problems
        self._write("ill" if problems else "well")
        return lines + self._mend(status, now)

    def _mend(self, status: Status, now: float) -> list[str]:
        """Start what has failed, with a pause that doubles; a connector whose slot is gone would read with a gap."""
        failed = [state.name for state in status.connectors if state.failed and not state.gap]
        if not failed:
            self._pause, self._next_try = 0.0, 0.0
            return []
        if status.slot is None or status.slot.lost or now < self._next_try:
            return []
        self._pause = min(LONGEST_PAUSE, self._pause * 2 or SECONDS)
        self._next_try = now + self._pause
        for name in failed:
            self._connect.restart_failed(name)
        return [f"started again what had failed of {', '.join(failed)}"]

    def _write(self, word: str) -> None:
        new = self._state.with_suffix(".new")
        new.write_text(f"{word}\n")
        new.replace(self._state)


def due(status: Status) -> bool:
    """Whether Kafka is to be compared with the ERP now: all is read, and nothing else is wrong with the connector.

    One that stands still was stopped by a comparison that was killed: nobody else stops it.
    """
    source = next((state for state in status.connectors if state.name == SOURCE), None)
    stands = source is not None and source.connector == "STOPPED"
    return status.doubtful and not status.reading and source is not None and (source.running or stands)


def compare(comparison: Comparison) -> list[str]:
    """Take out of Kafka what the ERP has not any more; a line of it. Nothing while somebody else does it."""
    try:
        with alone(comparison.owner, seconds=0):
            deleted = comparison.run()
    except BusyError:
        return []
    return [f"a reading of the tables was interrupted: {deleted:,} deletions had been missed, Kafka has them now"]


def watch() -> str:
    """Watch until stopped."""
    connect, bootstrap = Connect(role.need("CONNECT_URL")), role.need("KAFKA_BOOTSTRAP")
    watching = Watch(connect)
    names, readings = [definition.name for definition in definitions()], Readings()
    comparison = Comparison(connect, erp(), bootstrap, lambda line: print(line, flush=True))
    while True:
        began = time.monotonic()
        try:
            lines = follow(erp(), warehouse())  # first: what failed for the lack of a column can then go on
            status = look(erp(), connect, bootstrap, names, readings)
            if due(status):
                lines += compare(comparison)
                status = look(erp(), connect, bootstrap, names, readings)
            if any(state.name == SINK and state.failed for state in status.connectors):
                lines += follow_messages(bootstrap, warehouse())
            lines += watching.see(status, began)
        except LabError as error:
            lines = [str(error)]
        for line in lines:
            print(line, flush=True)
        time.sleep(max(0.5, SECONDS - (time.monotonic() - began)))


if __name__ == "__main__":
    role.run(watch)
