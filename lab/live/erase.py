"""`lab lake erase`: a student goes from the ERP, then from the lake with all history, and a search proves it."""

from __future__ import annotations

import json
from typing import Any

import psycopg2
from kafka import TopicPartition
from rich.console import Console

from lab.embedded.postgres import OWNER
from lab.erase import delete_rows
from lab.live.kafka import Groups, consumer
from lab.live.lake.names import DATABASE, EMAILS, GROUP
from lab.live.status import read_slot
from lab.stack.place import Stack
from lab.waiting import until
from lakelab.catalogue import AUDIENCES, OF_STUDENTS, STUDENTS
from lakelab.database import connected, told
from lakelab.errors import LabError
from lakelab.topics import DAY, topic

PATIENCE = 180.0  # seconds until Kafka, the lake and the warehouse have what the ERP has
_ABOUT = [STUDENTS, AUDIENCES, *OF_STUDENTS]


def erase_student(stack: Stack, number: int, console: Console) -> None:
    """Erase a student whose rows are in the ERP still, or were deleted there before.

    LabError: a server does not answer, changes do not get through, or something is left, with the files that have it.
    """
    emails = sorted(_emails(stack, number))
    deleted = delete_rows(stack.connecting(OWNER)(), [number], emails)
    with console.status("waiting until the lake and the warehouse have the deletions"):
        _until_applied(stack)
        until(lambda: not _in_warehouse(stack, number, emails), PATIENCE, _late("the warehouse has rows still"))
    with console.status("taking the versions out of the lake's history"):
        done = json.loads(
            stack.compose.output("exec", "-T", "lake", "python", "-m", "lab.live.lake.requests", str(number))
        )
    if done["found"]:
        left = ", ".join(done["found"])
        raise LabError(f"something of student {number} is left", where=left, fix="erase it again")
    _tell(number, deleted, done, console)


def _tell(number: int, deleted: dict[str, int], done: dict[str, Any], console: Console) -> None:
    rows = ", ".join(f"{count} of {table}" for table, count in deleted.items() if count) or "no row"
    console.print(f"ERP: {rows} deleted; they are in no table of the lake and of the warehouse any more")
    versions = ", ".join(f"{count} of {table}" for table, count in done["versions"].items()) or "no version"
    letters = f", {done['dead']} messages that were set aside" if done["dead"] else ""
    console.print(f"lake's history: {versions} taken out{letters}")
    console.print(
        f"searched {done['files']:,} files of the lake for number and e-mails: nothing of student {number} is left"
    )
    settings = topic(STUDENTS.topic).settings
    days = (int(settings["max.compaction.lag.ms"]) + int(settings["delete.retention.ms"])) / DAY
    console.print(f"Kafka's topics forget within {days:g} days; NiFi's files have pseudonyms alone")


def _emails(stack: Stack, number: int) -> set[str]:
    """Every e-mail of the student's, in small letters, in the ERP and in the lake's history, which outlives the row.

    Without those that another student has.
    """
    names = [f"lower({name})" for name in EMAILS]
    with stack.warehouse("default") as hive:
        rows = hive.rows(
            f"SELECT DISTINCT {', '.join(names)} FROM {DATABASE}.{STUDENTS.name}_changes WHERE id = {number}"
        )
    with connected(stack.connecting(OWNER)) as session, session.cursor() as cursor:
        try:
            cursor.execute(f"SELECT {', '.join(names)} FROM public.{STUDENTS.name} WHERE id = %s", (number,))
            found = {email for row in [*rows, *cursor.fetchall()] for email in row if email}
            asked = f"SELECT {', '.join(names)} FROM public.{STUDENTS.name} WHERE id <> %s"
            cursor.execute(
                f"{asked} AND ({' OR '.join(f'{name} = ANY(%s)' for name in names)})", (number, *2 * [[*found]])
            )
            return found - {email for row in cursor.fetchall() for email in row}
        except psycopg2.Error as error:
            raise told(error, STUDENTS.name) from None


def _until_applied(stack: Stack) -> None:
    """Wait until Kafka has what the ERP's log has now, and the lake what Kafka then has. LabError."""
    with connected(stack.connecting(OWNER)) as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        place = int(cursor.fetchone()[0])

    def captured() -> bool:
        slot = read_slot(stack.connecting(OWNER))
        if slot is None or slot.lost:
            raise LabError("the ERP's slot is gone: changes are missed", fix="`lab cdc resnapshot`, then again")
        high, _, low = slot.confirmed.partition("/")
        return (int(high or "0", 16) << 32) + int(low or "0", 16) >= place

    until(captured, PATIENCE, _late("Kafka lacks changes of the ERP"))
    places = [TopicPartition(t.topic, n) for t in _ABOUT for n in range(topic(t.topic).partitions)]
    with consumer(stack.kafka) as client:
        ends = client.end_offsets(places)
    with Groups(stack.kafka) as groups:

        def taken() -> bool:
            done = groups.offsets(GROUP)
            # A transaction's mark is the last in a topic; it is no message, and need not be counted as read.
            return all(end == 0 or done.get(place, -1) >= end - 1 for place, end in ends.items())

        until(taken, PATIENCE, _late("the lake is behind"))


def _in_warehouse(stack: Stack, number: int, emails: list[str]) -> bool:
    asked = [f"EXISTS (SELECT FROM public.{table.name} WHERE student_id = %(number)s)" for table in OF_STUDENTS]
    asked += [
        "EXISTS (SELECT FROM public.students WHERE id = %(number)s)",
        "EXISTS (SELECT FROM public.audiences WHERE lower(email) = ANY(%(emails)s))",
    ]
    with connected(stack.connecting_warehouse()) as session, session.cursor() as cursor:
        try:
            cursor.execute(f"SELECT {' OR '.join(asked)}", {"number": number, "emails": emails})
            return bool(cursor.fetchone()[0])
        except psycopg2.Error as error:
            raise told(error, "*") from None


def _late(what: str) -> LabError:
    return LabError(f"{what}, after {PATIENCE:.0f} s", fix="see `lab cdc status`; then erase again")
