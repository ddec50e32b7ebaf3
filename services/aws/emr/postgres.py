"""The engine's state in PostgreSQL: what the stack uses.

One connection does everything, so that the claim (an advisory lock of its session) and the writes live and die
together: whoever lost the session has lost the claim, and takes it again before anything else. When the server
restarts, the next call connects anew; a `save` that was cut off is done again, which changes nothing when it had
reached the disk after all.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg2
import psycopg2.extensions

from lakelab.errors import LabError
from services.aws.emr.errors import InternalServerException
from services.aws.emr.sql import SECOND, VERSION, SqlStore, Statement

T = TypeVar("T")
_CLAIM = 0x656D7220  # "emr ", the number of the advisory lock
_SETUP = _CLAIM + 1
_CLAIM_SECONDS = 20.0  # a server notices a client whose machine vanished after about 11 s
_FIRST = """
CREATE TABLE clusters (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, state text NOT NULL,
    body json NOT NULL);
CREATE TABLE steps (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cluster_id text NOT NULL REFERENCES clusters (id),
    id text NOT NULL, state text NOT NULL, body json NOT NULL, UNIQUE (cluster_id, id));
CREATE TABLE version (number integer NOT NULL);
INSERT INTO version VALUES (1);
"""
# Durable whatever the server's default is; and a claim whose owner's machine vanished is freed within seconds.
_OPTIONS = (
    "-c synchronous_commit=on -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
    "-c statement_timeout=30s -c idle_in_transaction_session_timeout=30s"
)


class PostgresStore(SqlStore):
    """State in one database of a server. Safe for many threads; several processes may read.

    database: libpq's connection string or URL; the password may come from PGPASSWORD.  LabError when nobody answers.
    Later, InternalServerException stands for every fault of the server.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._claimed = False
        try:
            self._db = self._connect()
            self._create_tables()
        except psycopg2.Error as error:
            raise LabError(
                f"the EMR state cannot be reached: {_reason(error)}", where="EMR_DATABASE",
                fix="see whether Postgres is up (`make status`)",
            ) from None  # fmt: skip

    def claim(self) -> None:
        """Become the only engine on this state; LabError when another one lives. A dead one leaves no trace."""
        until = time.monotonic() + _CLAIM_SECONDS
        while not self._in_session(self._try_lock):
            if time.monotonic() > until:
                raise LabError(
                    "another EMR engine already runs on this state", where="EMR_DATABASE", fix="stop it first"
                )
            threading.Event().wait(0.5)
        self._claimed = True

    def release(self) -> None:
        """Let another engine have the state."""
        if not self._claimed:
            return
        self._claimed = False
        with contextlib.suppress(InternalServerException):  # without a session there is no claim either
            self._in_session(lambda cursor: cursor.execute("SELECT pg_advisory_unlock(%s)", (_CLAIM,)))

    def close(self) -> None:
        with self._lock:
            self._claimed = False
            self._db.close()

    def _write(self, statements: Sequence[Statement]) -> None:
        def write(cursor: Any) -> None:
            for sql, values in statements:
                cursor.execute(_placed(sql), values)

        self._in_session(write)

    def _bodies(self, query: str, *values: str) -> list[dict[str, Any]]:
        def read(cursor: Any) -> list[dict[str, Any]]:
            cursor.execute(_placed(query), values)
            return [body for (body,) in cursor.fetchall()]  # psycopg2 itself decodes the type json

        if any("\0" in value for value in values):  # no id has one, and PostgreSQL takes none
            return []
        return self._in_session(read)

    def _in_session(self, action: Callable[[Any], T]) -> T:
        """Run the action in one transaction; once more in a new session when the old one turns out to be dead."""
        with self._lock:
            try:
                try:
                    return self._transaction(action)
                except psycopg2.Error:
                    if not self._db.closed:
                        raise
                self._reconnect()
                return self._transaction(action)
            except psycopg2.Error as error:
                raise InternalServerException(f"The state could not be reached: {_reason(error)}") from error

    def _transaction(self, action: Callable[[Any], T]) -> T:
        with self._db, self._db.cursor() as cursor:
            return action(cursor)

    def _reconnect(self) -> None:
        self._db = self._connect()
        if self._claimed and not self._transaction(self._try_lock):
            self._db.close()
            raise InternalServerException("Another EMR engine has taken over the state.")

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            self._database, connect_timeout=5, options=_OPTIONS, application_name="emr",
            keepalives_idle=5, keepalives_interval=2, keepalives_count=3, tcp_user_timeout=15000,
        )  # fmt: skip

    def _try_lock(self, cursor: Any) -> bool:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (_CLAIM,))
        return bool(cursor.fetchone()[0])

    def _create_tables(self) -> None:
        def create(cursor: Any) -> int:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP,))
            cursor.execute("SELECT to_regclass('version') IS NOT NULL")
            if not cursor.fetchone()[0]:
                cursor.execute(_FIRST)
            cursor.execute("SELECT number FROM version")
            found = int(cursor.fetchone()[0])
            if found < VERSION:
                cursor.execute(f"{SECOND} UPDATE version SET number = {VERSION}")
            return found

        if self._transaction(create) > VERSION:
            self._db.close()
            raise LabError(
                "the EMR state was written by a newer version", where="EMR_DATABASE",
                fix="update the lab or `make reset`",
            )  # fmt: skip


def _placed(sql: str) -> str:
    """The statement with psycopg2's mark for a value."""
    return sql.replace("?", "%s")


def _reason(error: psycopg2.Error) -> str:
    """libpq's message in one line."""
    return " ".join(str(error).split()) or type(error).__name__
