"""Talking to Postgres: opening connections, and telling its errors in one line.

A `Connect` is a function that opens a new psycopg2 connection each time: `lab` makes one from its settings, an
Airflow task takes its hook's `get_conn`. Whoever opens a connection here closes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
from psycopg2 import errors

from lakelab.errors import LabError

Connect = Callable[[], Any]

# Called with what is being worked on, the bytes done, and the bytes in all (None where nobody can know).
Progress = Callable[[str, int, "int | None"], None]

# Values must come out as the same text whatever the server's defaults are.
SAME_TEXT = (
    "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL client_encoding = 'UTF8'; SET LOCAL standard_conforming_strings = on"
)

# What libpq and the server say when no session comes about → what is wrong, what to do.
_REFUSALS = (
    ("password authentication failed", "the ERP refuses the user name or password", "check the ERP connection"),
    ("no password supplied", "the ERP asks for a password and none was given", "add it to the ERP connection"),
    ("no pg_hba.conf entry", "the ERP does not admit this user from here", "check the ERP connection"),
    ("role ", "the ERP does not know this user", "check the ERP connection"),
    ("database ", "the ERP's database does not exist", "load the ERP first, or check the name"),
    ("too many clients", "the ERP has no free connection", "close other sessions, then again"),
    ("starting up", "the ERP is still starting", "try again in a moment"),
    ("onnection refused", "no ERP answers at this address", "start it, or check host and port"),
    ("could not translate host name", "the ERP's host name is unknown", "check host and port"),
    ("timeout expired", "the ERP does not answer in time", "check host and port"),
    ("No such file or directory", "no ERP answers at this socket", "start it, or check host and port"),
)


@contextlib.contextmanager
def connected(connect: Connect) -> Iterator[Any]:
    """A connection that is closed at the end; what was not committed is rolled back.

    Raises LabError when the server does not answer or refuses the user.
    """
    try:
        connection = connect()
    except psycopg2.OperationalError as error:
        raise refused(error) from None
    try:
        yield connection
    finally:
        connection.close()


def server_version(connection: Any) -> str:
    """The server's version as its makers write it since Postgres 10: 15.14."""
    major, minor = divmod(connection.server_version, 10000)
    return f"{major}.{minor}"


def refused(error: psycopg2.Error) -> LabError:
    """Why no connection came about."""
    said = first_line(error)
    for pattern, what, fix in _REFUSALS:
        if pattern in said and (pattern not in ("role ", "database ") or "does not exist" in said):
            return LabError(what, where=said.removeprefix("connection to server at ").strip(), fix=fix)
    return LabError("cannot connect to the ERP", where=said, fix="check the ERP connection")


def first_line(error: BaseException) -> str:
    """The first line of an error, without the server's details."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].removeprefix("ERROR:").strip()


def told(error: psycopg2.Error, table: str) -> LabError:
    """An error of a statement on a table of the ERP, for the user."""
    where = f"public.{table}"
    if isinstance(error, errors.UndefinedTable):
        missing = first_line(error).split('"')[1] if '"' in first_line(error) else where
        return LabError(f"table {missing} does not exist in the ERP", where=where, fix="load the ERP first")
    if isinstance(error, errors.InsufficientPrivilege):
        return LabError(f"no right to read {where}", where=first_line(error), fix="GRANT SELECT on it to the user")
    if isinstance(error, errors.LockNotAvailable):
        return LabError("the ERP is in use", where=where, fix="close other sessions on it, then again")
    if isinstance(error, psycopg2.OperationalError) and error.pgcode is None:
        return LabError("the connection to the ERP broke", where=where, fix="check that it runs, then again")
    return LabError(f"the ERP says: {first_line(error)}", where=where, fix="correct the script or the table")
