"""Where the engine's state lives: a protocol, what SQL databases share, and SQLite. `postgres` has the stack's.

A change is durable before anyone sees it: `save` returns after the commit has reached the disk, and readers only
read what was committed. One engine at a time owns a store (`claim`); anyone may read it meanwhile.
"""

from __future__ import annotations

import abc
import contextlib
import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from lakelab.errors import LabError
from services.aws.emr import records
from services.aws.emr.errors import InternalServerException
from services.aws.emr.model import CLUSTER_ENDED, Cluster, Step

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS clusters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY AUTOINCREMENT, cluster_id TEXT NOT NULL REFERENCES clusters (id),
    id TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (cluster_id, id));
"""


class StateStore(Protocol):
    """What the engine needs of its memory. Lists are in order of creation."""

    def claim(self) -> None: ...
    def release(self) -> None: ...
    def save(self, *changed: Cluster | Step) -> None: ...
    def cluster(self, cluster_id: str) -> Cluster | None: ...
    def clusters(self, *, live_only: bool = False) -> list[Cluster]: ...
    def step(self, cluster_id: str, step_id: str) -> Step | None: ...
    def steps(self, cluster_id: str) -> list[Step]: ...
    def close(self) -> None: ...


Statement = tuple[str, tuple[str, ...]]  # SQL with a question mark for each value, and the values


class SqlStore(abc.ABC):
    """Records in the tables `clusters` and `steps` of a database; the database itself is the subclass's."""

    def save(self, *changed: Cluster | Step) -> None:
        """Insert or update all the records in one transaction. InternalServerException when they cannot be kept."""
        self._write([_saving(record) for record in changed])

    def cluster(self, cluster_id: str) -> Cluster | None:
        bodies = self._bodies("SELECT body FROM clusters WHERE id = ?", cluster_id)
        return records.cluster(bodies[0]) if bodies else None

    def clusters(self, *, live_only: bool = False) -> list[Cluster]:
        unwanted = [state.value for state in CLUSTER_ENDED] if live_only else []
        where = f"WHERE state NOT IN ({', '.join('?' * len(unwanted))})" if unwanted else ""
        bodies = self._bodies(f"SELECT body FROM clusters {where} ORDER BY number", *unwanted)
        return [records.cluster(body) for body in bodies]

    def step(self, cluster_id: str, step_id: str) -> Step | None:
        bodies = self._bodies("SELECT body FROM steps WHERE cluster_id = ? AND id = ?", cluster_id, step_id)
        return records.step(bodies[0]) if bodies else None

    def steps(self, cluster_id: str) -> list[Step]:
        bodies = self._bodies("SELECT body FROM steps WHERE cluster_id = ? ORDER BY number", cluster_id)
        return [records.step(body) for body in bodies]

    @abc.abstractmethod
    def _write(self, statements: Sequence[Statement]) -> None:
        """Run all of them in one transaction."""

    @abc.abstractmethod
    def _bodies(self, query: str, *values: str) -> list[dict[str, Any]]:
        """The records' bodies, decoded, that a query of one column finds."""


def _saving(record: Cluster | Step) -> Statement:
    body = records.dump(record)
    if isinstance(record, Cluster):
        return (
            "INSERT INTO clusters (id, state, body) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body",
            (record.id, record.state, body),
        )
    return (
        "INSERT INTO steps (cluster_id, id, state, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (cluster_id, id) DO UPDATE SET state = excluded.state, body = excluded.body",
        (record.cluster_id, record.id, record.state, body),
    )


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
        if version > _VERSION:
            self._db.close()
            raise LabError(
                "the EMR state was written by a newer version", where=str(path), fix="update the lab or `lab reset`"
            )
        if version < _VERSION:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

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
