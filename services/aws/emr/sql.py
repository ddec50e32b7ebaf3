"""What the databases of the engine's state share: the statements. A record is a row with its JSON in `body`."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

from services.aws.emr import records
from services.aws.emr.model import CLUSTER_ENDED, STEP_ACTIVE, Cluster, ClusterState, SecurityConfiguration, Step

VERSION = 2
# What version 2 added. A list of steps reads no more of a long history than it shows.
SECOND = """
CREATE INDEX IF NOT EXISTS steps_of_cluster ON steps (cluster_id, number);
CREATE INDEX IF NOT EXISTS steps_by_state ON steps (cluster_id, state, number);
CREATE INDEX IF NOT EXISTS clusters_by_state ON clusters (state, number);
CREATE TABLE IF NOT EXISTS security_configurations (name text PRIMARY KEY, body json NOT NULL);
"""
Record = Cluster | Step | SecurityConfiguration
Statement = tuple[str, tuple[str, ...]]  # SQL with a question mark for each value, and the values
_BOOTSTRAP = "bootstrap-%"  # what the ids of bootstrap actions look like


class SqlStore(abc.ABC):
    """Records in tables of a database; the database itself is the subclass's."""

    def save(self, *changed: Record) -> None:
        """Insert or update all the records in one transaction. InternalServerException when they cannot be kept."""
        self._write([_saving(record) for record in changed])

    def cluster(self, cluster_id: str) -> Cluster | None:
        bodies = self._bodies("SELECT body FROM clusters WHERE id = ?", cluster_id)
        return records.cluster(bodies[0]) if bodies else None

    def clusters(self, *, live_only: bool = False) -> list[Cluster]:
        wanted = sorted(set(ClusterState) - CLUSTER_ENDED) if live_only else []
        where = f"WHERE state IN ({_marks(wanted)})" if wanted else ""
        bodies = self._bodies(f"SELECT body FROM clusters {where} ORDER BY number", *wanted)
        return [records.cluster(body) for body in bodies]

    def cluster_page(self, *, states: Sequence[str] = (), after: str | None = None, size: int) -> list[Cluster]:
        query, values = "SELECT body FROM clusters WHERE 1 = 1", list[str]()
        if states:
            query, values = f"{query} AND state IN ({_marks(states)})", [*values, *states]
        if after is not None:
            query, values = f"{query} AND number < (SELECT number FROM clusters WHERE id = ?)", [*values, after]
        bodies = self._bodies(f"{query} ORDER BY number DESC LIMIT {size}", *values)
        return [records.cluster(body) for body in bodies]

    def step(self, cluster_id: str, step_id: str) -> Step | None:
        bodies = self._bodies("SELECT body FROM steps WHERE cluster_id = ? AND id = ?", cluster_id, step_id)
        return records.step(bodies[0]) if bodies else None

    def steps(self, cluster_id: str) -> list[Step]:
        bodies = self._bodies("SELECT body FROM steps WHERE cluster_id = ? ORDER BY number", cluster_id)
        return [records.step(body) for body in bodies]

    def live_steps(self, cluster_id: str) -> list[Step]:
        states = sorted(STEP_ACTIVE)
        query = f"SELECT body FROM steps WHERE cluster_id = ? AND state IN ({_marks(states)}) ORDER BY number"
        return [records.step(body) for body in self._bodies(query, cluster_id, *states)]

    def bootstrap_actions(self, cluster_id: str) -> list[Step]:
        query = "SELECT body FROM steps WHERE cluster_id = ? AND id LIKE ? ORDER BY number"
        return [records.step(body) for body in self._bodies(query, cluster_id, _BOOTSTRAP)]

    def step_page(
        self,
        cluster_id: str,
        *,
        states: Sequence[str] = (),
        ids: Sequence[str] = (),
        after: str | None = None,
        size: int,
    ) -> list[Step]:
        query, values = "SELECT body FROM steps WHERE cluster_id = ? AND id NOT LIKE ?", [cluster_id, _BOOTSTRAP]
        if states:
            query, values = f"{query} AND state IN ({_marks(states)})", [*values, *states]
        if ids:
            query, values = f"{query} AND id IN ({_marks(ids)})", [*values, *ids]
        if after is not None:
            older = "number < (SELECT number FROM steps WHERE cluster_id = ? AND id = ?)"
            query, values = f"{query} AND {older}", [*values, cluster_id, after]
        bodies = self._bodies(f"{query} ORDER BY number DESC LIMIT {size}", *values)
        return [records.step(body) for body in bodies]

    def security_configuration(self, name: str) -> SecurityConfiguration | None:
        bodies = self._bodies("SELECT body FROM security_configurations WHERE name = ?", name)
        return records.security_configuration(bodies[0]) if bodies else None

    def security_configurations(self) -> list[SecurityConfiguration]:
        bodies = self._bodies("SELECT body FROM security_configurations ORDER BY name")
        return [records.security_configuration(body) for body in bodies]

    def delete_security_configuration(self, name: str) -> None:
        self._write([("DELETE FROM security_configurations WHERE name = ?", (name,))])

    @abc.abstractmethod
    def _write(self, statements: Sequence[Statement]) -> None:
        """Run all of them in one transaction."""

    @abc.abstractmethod
    def _bodies(self, query: str, *values: str) -> list[dict[str, Any]]:
        """The records' bodies, decoded, that a query of one column finds."""


def _saving(record: Record) -> Statement:
    body = records.dump(record)
    match record:
        case Cluster():
            return (
                "INSERT INTO clusters (id, state, body) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body",
                (record.id, record.state, body),
            )
        case Step():
            return (
                "INSERT INTO steps (cluster_id, id, state, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (cluster_id, id) DO UPDATE SET state = excluded.state, body = excluded.body",
                (record.cluster_id, record.id, record.state, body),
            )
        case SecurityConfiguration():
            return (
                "INSERT INTO security_configurations (name, body) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (record.name, body),
            )


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
