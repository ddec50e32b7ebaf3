"""Where the engine's state lives: a protocol, and SQLite. `postgres` has the stack's, `sql` what the two share.

A change is durable before anyone sees it: `save` returns after the commit has reached the disk, and readers only
read what was committed. One engine at a time owns a store (`claim`); anyone may read it meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from lakelab.errors import LabError
from services.aws.emr.errors import InternalServerException
from services.aws.emr.model import Cluster, SecurityConfiguration, Step
from services.aws.emr.sql import SECOND, VERSION, Record, SqlStore, Statement

_FIRST = """
CREATE TABLE IF NOT EXISTS clusters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY AUTOINCREMENT, cluster_id TEXT NOT NULL REFERENCES clusters (id),
    id TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (cluster_id, id));
"""


class StateStore(Protocol):
    """What the engine needs of its memory. Lists are in order of creation, pages newest first."""

    def claim(self) -> None: ...
    def release(self) -> None: ...
    def save(self, *changed: Record) -> None: ...
    def cluster(self, cluster_id: str) -> Cluster | None: ...
    def clusters(self, *, live_only: bool = False) -> list[Cluster]: ...
    def cluster_page(self, *, states: Sequence[str] = (), after: str | None = None, size: int) -> list[Cluster]:
        """The `size` newest clusters in those states, or any, that are older than `after`."""
        ...

    def step(self, cluster_id: str, step_id: str) -> Step | None: ...
    def steps(self, cluster_id: str) -> list[Step]: ...
    def live_steps(self, cluster_id: str) -> list[Step]:
        """Those that have not ended, bootstrap actions among them."""
        ...

    def bootstrap_actions(self, cluster_id: str) -> list[Step]: ...
    def step_page(
        self,
        cluster_id: str,
        *,
        states: Sequence[str] = (),
        ids: Sequence[str] = (),
        after: str | None = None,
        size: int,
    ) -> list[Step]:
        """The `size` newest steps in those states and with those ids, or any, that are older than `after`. Without
        bootstrap actions.
        """
        ...

    def security_configuration(self, name: str) -> SecurityConfiguration | None: ...
    def security_configurations(self) -> list[SecurityConfiguration]:
        """All of them, by name."""
        ...

    def delete_security_configuration(self, name: str) -> None: ...
    def close(self) -> None: ...


class SqliteStore(SqlStore):
    """State in one SQLite file (WAL, full sync). Safe for many threads of one process, and for readers beside."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.RLock()
        self._owner: IO[bytes] | None = None
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            self._db.close()
            raise LabError(
                "the EMR state was written by a newer version", where=str(path), fix="update the lab or `lab reset`"
            )
        if version < VERSION:
            self._db.executescript(f"BEGIN IMMEDIATE; {_FIRST} {SECOND} PRAGMA user_version = {VERSION}; COMMIT;")

    def claim(self) -> None:
        """Become the only engine on this state; LabError when another one lives. A dead one leaves no trace."""
        owner = self._path.with_name(self._path.name + ".owner").open("ab")
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner.close()
            raise LabError(
                "another EMR engine already runs on this state", where=str(self._path),
                fix="stop it first, or use another LAB_HOME",
            ) from None  # fmt: skip
        self._owner = owner

    def release(self) -> None:
        """Let another engine have the state."""
        if self._owner:
            self._owner.close()
            self._owner = None

    def close(self) -> None:
        with self._lock:
            self._db.close()
        self.release()

    def _write(self, statements: Sequence[Statement]) -> None:
        with self._transaction():
            for sql, values in statements:
                self._db.execute(sql, values)

    def _bodies(self, query: str, *values: str) -> list[dict[str, Any]]:
        with self._lock:
            return [json.loads(body) for (body,) in self._db.execute(query, values)]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise InternalServerException(f"The state could not be saved: {error}") from error
                raise
