"""Loading the ERP: eleven CSV files with header lines become the eleven tables, all of them or none.

COPY goes into bare tables; keys, checks and indexes come after, which is an order of magnitude faster than
checking row by row. All of it is one transaction: readers wait for it, and find the new school or still the former.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import psycopg2
from psycopg2 import errors

from lakelab import render
from lakelab.catalogue import TABLES, Table
from lakelab.database import SAME_TEXT, Connect, Progress, connected, first_line, told
from lakelab.errors import LabError

PATIENCE = "30s"  # how long to wait for sessions that use the tables
_BUFFER = 1 << 20  # bytes handed to the server at once
_CONSTRAINT = re.compile(
    r"ALTER TABLE public\.(?P<table>\w+) ADD CONSTRAINT (?P<name>\w+)"
    r" (?P<kind>PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY) \((?P<rule>.*?)\)"
    r"(?: REFERENCES public\.(?P<other>\w+) \(id\))?$",
    re.DOTALL,
)


def load(
    connect: Connect, folder: Path, *, grants: Iterable[str] = (), progress: Progress | None = None
) -> dict[str, int]:
    """Replace the ERP's tables by the files `<table>.csv` of a folder; returns the rows of each table.

    connect: opens sessions of the user that shall own the tables.  grants: statements run at the end of the same
    transaction, as new tables start without rights.  Files: RFC 4180, UTF-8, columns in catalogue order; an empty
    unquoted field is NULL, a quoted field may hold line breaks.

    Raises LabError, and leaves the ERP as it was: a file is missing or its header differs, a field does not fit
    its type, a row breaks a constraint (named with the key), the ERP is in use for 30 seconds.
    """
    files = [(table, _checked(folder / f"{table.name}.csv", table)) for table in TABLES]
    with connected(connect) as session, session.cursor() as cursor:
        _begin(cursor)
        counting = _Counting(sum(path.stat().st_size for _, path in files), progress)
        rows = {table.name: _copy(cursor, table, path, counting) for table, path in files}
        _constrain(cursor, progress)
        try:
            for statement in (*grants, "ANALYZE " + ", ".join(f"public.{table.name}" for table in TABLES)):
                cursor.execute(statement)
            session.commit()
        except psycopg2.Error as error:
            raise told(error, "*") from None
    return rows


def _checked(path: Path, table: Table) -> Path:
    expected = list(table.column_names)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            found = next(csv.reader(stream), [])
    except FileNotFoundError:
        raise LabError(f"{path.name} is missing", where=str(path.parent), fix=f"put there {_names()}") from None
    except OSError as error:
        raise LabError(f"cannot read {path.name}: {error.strerror}", where=str(path.parent)) from None
    except (UnicodeDecodeError, csv.Error):
        raise LabError(f"{path.name} is not CSV in UTF-8", where=str(path.parent), fix="save it as UTF-8") from None
    if found != expected:
        pairs = zip(expected, [*found, *["nothing"] * len(expected)], strict=False)
        wrong = next((f"{f} stands where {e} belongs" for e, f in pairs if e != f), f"{len(found)} columns")
        raise LabError(
            f"the header of {path.name} differs: {wrong}", where=str(path.parent),
            fix=f"first line must be {','.join(expected)}",
        )  # fmt: skip
    return path


def _names() -> str:
    return ", ".join(f"{table.name}.csv" for table in TABLES)


def _begin(cursor: Any) -> None:
    """Drop the former tables, make new bare ones. The transaction is the caller's to commit."""
    try:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'; SET LOCAL client_min_messages = 'warning'; {SAME_TEXT}")
        cursor.execute("DROP TABLE IF EXISTS " + ", ".join(f"public.{table.name}" for table in TABLES))
        for statement in render.erp_tables():
            cursor.execute(statement)
    except errors.DependentObjectsStillExist as error:
        raise LabError(
            "something else in the ERP depends on its tables", where=_detail(error), fix="drop that first, then load"
        ) from None
    except psycopg2.Error as error:
        raise told(error, "*") from None


class _Counting:
    """Reports the bytes handed over, of all files together."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.done, self.progress = total, 0, progress

    def read(self, stream: BinaryIO, table: str) -> _Reader:
        return _Reader(self, stream, table)


class _Reader:
    """What COPY reads from: a file that counts."""

    def __init__(self, counting: _Counting, stream: BinaryIO, table: str) -> None:
        self.counting, self.stream, self.table = counting, stream, table
        self.failed: Exception | None = None

    def copy(self, cursor: Any, statement: str) -> None:
        """Run a COPY that reads all of it. psycopg2 makes one error of the server's of whatever `read` raises: here it
        is again what it was. A Ctrl-C in the middle is raised there, too, even before its first line.
        """
        try:
            cursor.copy_expert(statement, self, size=_BUFFER)
        except errors.QueryCanceled as error:
            if "error in .read() call" not in str(error):
                raise
            raise self.failed or KeyboardInterrupt from None

    def read(self, size: int) -> bytes:
        try:
            block = self.stream.read(size)
            self.counting.done += len(block)
            if self.counting.progress and block:
                self.counting.progress(self.table, self.counting.done, self.counting.total)
        except Exception as error:
            self.failed = error
            raise
        return block


def _copy(cursor: Any, table: Table, path: Path, counting: _Counting) -> int:
    # FREEZE: the rows are written as visible to all at once, as the table is of this very transaction.
    statement = f"COPY public.{table.name} FROM STDIN WITH (FORMAT csv, HEADER, FREEZE)"
    try:
        with path.open("rb", buffering=0) as stream:
            counting.read(stream, table.name).copy(cursor, statement)
    except OSError as error:
        raise LabError(f"cannot read {path.name}: {error.strerror}", where=str(path.parent)) from None
    except psycopg2.Error as error:
        place = re.search(r", (line \d+(?:, column \w+)?)", error.diag.context or "")
        if place is None:
            raise told(error, table.name) from None
        # The value itself is left out: it may be somebody's name or address.
        reason = re.sub(r': ".*', "", first_line(error), flags=re.DOTALL)
        raise LabError(
            f"{path.name} {place[1]}: {reason}", where=str(path.parent), fix="correct the file, then load again"
        ) from None
    return int(cursor.rowcount)


def _constrain(cursor: Any, progress: Progress | None) -> None:
    statements = render.erp_constraints()
    cursor.execute("SAVEPOINT rows_loaded")
    for done, statement in enumerate(statements, start=1):
        try:
            cursor.execute(statement)
        except psycopg2.Error as error:
            broken = _CONSTRAINT.match(statement)
            if broken is None or not isinstance(error, psycopg2.IntegrityError):
                raise told(error, "*") from None
            cursor.execute("ROLLBACK TO SAVEPOINT rows_loaded")
            raise _violation(cursor, broken) from None
        if progress:
            progress("keys and indexes", done, len(statements))


def _violation(cursor: Any, broken: re.Match[str]) -> LabError:
    """Which rows break a constraint: the server names a value at most, and a value may be personal."""
    table, rule = broken["table"], broken["rule"]
    column = rule.replace('"', "")
    if broken["kind"] == "CHECK":
        query = f"SELECT id FROM public.{table} WHERE NOT ({rule})"
        said = "row {0} breaks " + rule.replace('"', "").replace("{", "{{").replace("}", "}}")
    elif broken["kind"] == "FOREIGN KEY":
        query = (
            f"SELECT id, {rule} FROM public.{table} t WHERE {rule} IS NOT NULL"
            f" AND NOT EXISTS (SELECT FROM public.{broken['other']} o WHERE o.id = t.{rule})"
        )
        said = f"row {{0}} names {column} {{1}}, which is not in {broken['other']}"
    elif column == "id":
        query = f"SELECT id, count(*) FROM public.{table} GROUP BY id HAVING count(*) > 1"
        said = "id {0} is there {1} times"
    else:
        query = f"SELECT min(id), max(id) FROM public.{table} GROUP BY {rule} HAVING count(*) > 1"
        said = f"rows {{0}} and {{1}} have the same {column}"
    cursor.execute(f"SELECT *, count(*) OVER () FROM ({query}) AS bad ORDER BY 1 LIMIT 1")
    *first, count = cursor.fetchone()
    more = f", and {count - 1:,} more" if count > 1 else ""
    return LabError(
        f"{table}: {said.format(*first)}{more}", where=broken["name"], fix=f"correct {table}.csv, then load again"
    )


def _detail(error: psycopg2.Error) -> str:
    return ((error.diag.message_detail or first_line(error)).splitlines() or [""])[0]
