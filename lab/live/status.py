"""Whether changes get through: the connectors, the ERP's replication slot, and the last sign of life in Kafka."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from kafka import TopicPartition

from lab.live.connect import Connect, NotThere, State
from lab.live.connectors import SOURCE
from lab.live.kafka import consumer, records
from lab.live.readings import Readings
from lab.live.source import SLOT
from lakelab.database import Connect as ConnectErp
from lakelab.database import connected, told
from lakelab.errors import LabError
from lakelab.topics import HEARTBEATS

RETAINED = 512 * 2**20  # bytes of log kept for the slot: a quarter of max_slot_wal_keep_size, when somebody should look
SILENT = 30.0  # seconds without a heartbeat, which come every 5
DOUBTFUL = (
    "the tables were read more than once: Kafka may have rows that were deleted between; `cdc-watch` takes them out, "
    "and so does `lab cdc resnapshot`"
)
_BACK = 50  # records from the end in which a heartbeat must be: the marks of transactions lie between

_SLOT = """
SELECT active, coalesce(wal_status, ''),
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint,
       coalesce(confirmed_flush_lsn::text, '')
FROM pg_replication_slots WHERE slot_name = %s
"""


@dataclass(frozen=True)
class Slot:
    """The replication slot. behind: bytes of log that Kafka lacks. retained: bytes that the ERP keeps for it.

    log: `reserved`, `extended`, `unreserved` or `lost`, as Postgres has it
    (https://www.postgresql.org/docs/15/view-pg-replication-slots.html).
    """

    active: bool
    log: str
    behind: int
    retained: int
    confirmed: str

    @property
    def lost(self) -> bool:
        return self.log == "lost"


@dataclass(frozen=True)
class Status:
    """What was seen at one moment. slot: None where there is none. silent: seconds since the last heartbeat."""

    connectors: tuple[State, ...]
    slot: Slot | None
    silent: float | None
    unseen: tuple[str, ...] = ()  # what could not be asked, in words
    reading: bool = False  # the tables themselves are being read, at first or anew: nobody needs the slot meanwhile
    doubtful: bool = False  # a reading was interrupted, and Kafka was not compared with the ERP since

    @property
    def problems(self) -> list[str]:
        """What is wrong, the gravest first, each with what to do; empty when all is well."""
        found = list(self.unseen)
        asked_erp = not any("ERP" in line for line in self.unseen)
        if self.slot is None and asked_erp:
            found.append(f"slot {SLOT} is not in the ERP: changes are missed; `lab cdc resnapshot` repairs it")
        elif self.slot and self.slot.lost:
            found.append(f"slot {SLOT} is lost: changes are missed; `lab cdc resnapshot` repairs it")
        elif any(state.gap for state in self.connectors):
            found.append(f"slot {SLOT} is another one than it was: changes are missed; `lab cdc resnapshot` repairs it")
        for state in self.connectors:
            if not state.running:
                why = f": {state.why}" if state.why else ""
                found.append(f"connector {state.name} is {state.seen}{why}; see `lab stack logs connect`")
        if self.slot and not self.slot.lost:
            found += [] if self.reading else _slot_problems(self.slot)
        if self.silent is not None and self.silent > SILENT and not self.reading:
            found.append(f"no sign of life of Debezium for {self.silent:.0f} s; see `lab stack logs connect`")
        return found + ([DOUBTFUL] if self.doubtful and not self.reading and not found else [])


def _slot_problems(slot: Slot) -> list[str]:
    found = []
    if not slot.active:
        found.append(f"nobody reads slot {SLOT}: the ERP keeps its log ({_megabytes(slot.retained)}) for it")
    elif slot.retained > RETAINED:
        found.append(
            f"the ERP keeps {_megabytes(slot.retained)} of log for slot {SLOT}, which is lost at 2 GB: "
            "Kafka lags behind, or a transaction stays open"
        )
    return found


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def look(
    erp: ConnectErp,
    connect: Connect,
    bootstrap: str,
    names: Sequence[str] = (SOURCE,),
    readings: Readings | None = None,
) -> Status:
    """Ask all three, each for itself: what does not answer is told in `unseen`.

    readings: what was seen of them before, for who looks again and again.
    """
    unseen: list[str] = []

    def ask(question: Any, nothing: Any) -> Any:
        try:
            return question()
        except LabError as error:
            unseen.append(str(error))
            return nothing

    states = ask(lambda: tuple(_state(connect, name) for name in names), ())
    slot = ask(lambda: read_slot(erp), None)
    silent, known = ask(lambda: _heard(bootstrap, readings or Readings()), (None, Readings()))
    running = any(state.name == SOURCE and state.running for state in states)
    reading = ask(lambda: running and reads_tables(connect), False)
    return Status(states, slot, silent, tuple(unseen), reading, known.doubtful)


def _state(connect: Connect, name: str) -> State:
    try:
        return connect.state(name)
    except NotThere:
        return State(name, "MISSING", ())


def reads_tables(connect: Connect) -> bool:
    """Whether Debezium has not read all tables yet: its place says so, or there is none."""
    offsets = connect.offsets(SOURCE)
    place = (offsets[0]["offset"] or {}) if offsets else {}
    return not place or bool(place.get("snapshot"))


def read_slot(erp: ConnectErp) -> Slot | None:
    """The slot as the ERP has it; None where there is none."""
    with connected(erp) as session, session.cursor() as cursor:
        try:
            cursor.execute(_SLOT, (SLOT,))
            row = cursor.fetchone()
        except psycopg2.Error as error:
            raise told(error, "*") from None
    return Slot(*row) if row else None


def _heard(bootstrap: str, readings: Readings) -> tuple[float | None, Readings]:
    """Seconds since the last heartbeat, and what Debezium said of its readings up to now."""
    with consumer(bootstrap) as client:
        return silence(client), readings.read(client)


def silence(client: Any) -> float | None:
    """Seconds since Debezium's last heartbeat arrived in Kafka, by a consumer; None where there was none yet."""
    place = TopicPartition(HEARTBEATS, 0)
    client.assign([place])
    end = client.end_offsets([place])[place]
    stamps = (record.timestamp for record in records(client, place, max(0, end - _BACK), end, 5))
    last = max(stamps, default=None)
    return None if last is None else max(0.0, time.time() - last / 1000)
