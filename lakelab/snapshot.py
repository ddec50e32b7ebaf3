"""One moment of the ERP, at which any number of sessions can read.

Postgres keeps an exported snapshot for as long as the transaction that exported it lives: a session has to hold it
open until the last reader has joined. https://www.postgresql.org/docs/current/functions-admin.html
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2

from lakelab.database import SAME_TEXT, Connect, connected, told
from lakelab.errors import SnapshotGoneError


@dataclass(frozen=True)
class Snapshot:
    """A moment of the ERP that other sessions can read at, for as long as the session that made it stays open.

    lsn: the write-ahead log's position just before; for information, as the exact edge is the snapshot's own.
    """

    id: str
    lsn: str | None = None


@contextlib.contextmanager
def open_snapshot(connect: Connect) -> Iterator[Snapshot]:
    """Fix one moment for all tables, and hold it until the block ends. Nothing in the ERP is locked for writers."""
    with _exporting(connect) as (snapshot, _):
        yield snapshot


def hold_snapshot(
    connect: Connect,
    publish: Callable[[Snapshot], None],
    finished: Callable[[], bool],
    *,
    poll: float = 1.0,
) -> Snapshot:
    """Fix one moment, tell it to the readers by `publish`, and hold it until they have `finished`.

    poll: seconds between two questions to `finished`, and to the ERP whether it still holds it.
    Raises SnapshotGoneError when the connection breaks while readers may still want to join.
    """
    with _exporting(connect) as (snapshot, session):
        publish(snapshot)
        while not finished():
            _require_held(session, snapshot)
            time.sleep(poll)
        return snapshot


@contextlib.contextmanager
def reader_at(connect: Connect, snapshot: str, table: str) -> Iterator[Any]:
    """A read-only session at the snapshot, which returns rows in page order. table: for what errors say."""
    with connected(connect) as session:
        session.set_session(isolation_level="REPEATABLE READ", readonly=True)
        try:
            with session.cursor() as cursor:
                cursor.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))
                # A shared scan may start in the middle, and a parallel plan mixes pages.
                cursor.execute(
                    f"{SAME_TEXT}; SET LOCAL synchronize_seqscans = off; SET LOCAL max_parallel_workers_per_gather = 0"
                )
        except (psycopg2.errors.InvalidParameterValue, psycopg2.errors.UndefinedObject):
            raise SnapshotGoneError(snapshot) from None
        except psycopg2.Error as error:
            raise told(error, table) from None
        yield session


@contextlib.contextmanager
def _exporting(connect: Connect) -> Iterator[tuple[Snapshot, Any]]:
    with connected(connect) as session:
        session.set_session(isolation_level="REPEATABLE READ", readonly=True)
        try:
            with session.cursor() as cursor:
                cursor.execute(
                    "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
                    " ELSE pg_current_wal_lsn() END)::text, pg_export_snapshot()"
                )
                lsn, name = cursor.fetchone()
        except psycopg2.Error as error:
            raise told(error, "*") from None
        yield Snapshot(name, lsn), session


def _require_held(session: Any, snapshot: Snapshot) -> None:
    """Also keeps the session from being taken for an idle one (idle_in_transaction_session_timeout)."""
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        raise SnapshotGoneError(snapshot.id) from None
