"""Erasing a person from the lake: every version of the rows that are about a student, and what was set aside of them.

The ERP's deletions take the rows out of the tables of now; history keeps what they were, by design. Here the files that
have such versions are written anew without them, and the former ones are deleted at once, whoever reads them.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from lab.live.lake import tables
from lab.live.lake.files import Files, Sweep
from lab.live.lake.names import EMAILS
from lab.live.lake.table import LakeTable
from lakelab.catalogue import AUDIENCES, OF_STUDENTS, STUDENTS, TABLES, Table
from lakelab.changes import DELETED
from lakelab.frames import polars

ABOUT = (AUDIENCES, *OF_STUDENTS, STUDENTS)  # the students' own last: their e-mails are needed until then


@dataclass(frozen=True)
class Erased:
    """What was done. versions: how many were taken out of each table's history.  dead: messages set aside that went.

    files: how many were searched.  found: those that have something of the person still.
    """

    versions: dict[str, int]
    dead: int
    files: int
    found: tuple[str, ...]


def erase(lakes: Mapping[str, LakeTable], files: Files, sweep: Sweep, executor: Executor, number: int) -> Erased | None:
    """Erase a student by number. None while rows of the student are in the tables of now: deletions are on their way.

    LabError: HDFS or the metastore refuse; what was done is done, and the rest is for the next time.
    """
    emails = _emails(lakes[STUDENTS.name], number)
    if any(_about(table, rows, number, emails).any() for table in ABOUT for rows in lakes[table.name].rows()):
        return None
    versions = {table.name: _out_of_history(lakes[table.name], files, executor, number, emails) for table in ABOUT}
    sweep.all()
    dead = _out_of_dead_letters(files, number, emails)
    searched, found = search(files, number, emails)
    return Erased({name: count for name, count in versions.items() if count}, dead, searched, tuple(found))


def search(files: Files, number: int, emails: set[str]) -> tuple[int, list[str]]:
    """How many files the lake has, and those that have the student's number or one of the e-mails."""
    by_name = {table.name: table for table in TABLES}
    stored = files.list(tables.FOLDER)
    found = []
    for each in stored:
        table = by_name.get(each.uri.removeprefix(f"{tables.FOLDER}/").partition("/")[0])
        with files.open(each.uri) as stream:
            content = stream.read()
        if table is None:
            hit = _in_letter(each.uri, content.decode(errors="replace"), number, emails)
        else:
            rows = polars.read_parquet(io.BytesIO(content))
            hit = _about(table, rows, number, emails).any() or _mentions(rows, emails)
        found += [each.uri] * bool(hit)
    return len(stored), found


def _emails(students: LakeTable, number: int) -> set[str]:
    """Every e-mail that the student ever had, in small letters, and no other student."""
    found: set[str] = set()
    others: set[str] = set()
    for kept, theirs in ((found, True), (others, False)):
        for _, rows in students.versions(("id", *EMAILS)):
            chosen = rows.filter((rows["id"] == number) == theirs)
            for name in EMAILS:
                texts = chosen[name].drop_nulls().str.to_lowercase()
                kept |= set(texts if theirs else texts.filter(texts.is_in(sorted(found))))
    return found - others - {""}


def _about(table: Table, rows: polars.DataFrame, number: int, emails: set[str]) -> polars.Series:
    """Which rows are about the student. A version that tells of a deletion has its key alone."""
    if table is STUDENTS:
        return rows["id"] == number
    if table in OF_STUDENTS:
        return (rows["student_id"] == number).fill_null(False)
    if table is AUDIENCES:
        return rows["email"].str.to_lowercase().is_in(sorted(emails)).fill_null(False)
    return polars.Series([False] * len(rows), dtype=polars.Boolean)


def _out_of_history(lake: LakeTable, files: Files, executor: Executor, number: int, emails: set[str]) -> int:
    """Take the versions out, and the deletions of rows of which nothing else is left; returns how many."""
    table = lake.table
    column = "email" if table is AUDIENCES else "id" if table is STUDENTS else "student_id"
    names = list(dict.fromkeys(("id", column, "op")))
    theirs: set[int] = set()
    for _, rows in lake.versions(names):
        theirs |= set(rows.filter(_about(table, rows, number, emails))["id"])
    if not theirs:
        return 0
    others: set[int] = set()  # keys that were another person's row, too
    for _, rows in lake.versions(names):
        more = ~_about(table, rows, number, emails) & (rows["op"] != DELETED) & rows["id"].is_in(sorted(theirs))
        others |= set(rows.filter(more)["id"])
    gone = sorted(theirs - others)

    def out(rows: polars.DataFrame) -> polars.Series:
        return _about(table, rows, number, emails) | ((rows["op"] == DELETED) & rows["id"].is_in(gone))

    counts: dict[str, int] = {}
    for day, rows in lake.versions(names):
        counts[day] = counts.get(day, 0) + int(out(rows).sum())
    for day in [day for day, count in counts.items() if count]:
        files.delete(lake.rewrite(day, lambda rows: rows.filter(~out(rows)), executor))
    return sum(counts.values())


def _out_of_dead_letters(files: Files, number: int, emails: set[str]) -> int:
    """Delete the messages that were set aside and mention the student; returns how many."""
    count = 0
    for stored in files.list(f"{tables.FOLDER}/_dead"):
        with files.open(stored.uri) as stream:
            text = stream.read().decode(errors="replace")
        if _in_letter(stored.uri, text, number, emails):
            files.delete(stored.uri)
            count += 1
    return count


def _in_letter(uri: str, text: str, number: int, emails: set[str]) -> bool:
    """Whether a message that was set aside is about the student: it is JSON in JSON, or no JSON at all."""
    topic = uri.rpartition("/")[0].rpartition("/")[2]
    table = next((table for table in ABOUT if table.topic == topic), None)
    plain = text
    with contextlib.suppress(ValueError, AttributeError):
        plain = " ".join(str(part) for part in json.loads(text).values())
    pattern = rf"(?<![0-9]){number}(?![0-9])" if table is STUDENTS else rf'"student_id"\s*:\s*{number}(?![0-9])'
    keyed = table is not None and re.search(pattern, plain)
    return bool(keyed) or any(email in plain.lower() for email in emails)


def _mentions(rows: polars.DataFrame, emails: set[str]) -> bool:
    """Whether one of the e-mails is in any text of the rows."""
    texts = [name for name, kind in rows.schema.items() if kind == polars.String]
    return bool(emails) and any(
        rows[name].str.contains_any(sorted(emails), ascii_case_insensitive=True).any() for name in texts
    )
