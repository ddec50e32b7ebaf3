"""Rows of the ERP, read and written, with the database's refusals told in one sentence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg

from lakelab.catalogue import TABLES, Table
from services.api.erp import sql
from services.api.erp.pages import Mark, Order
from services.api.erp.sql import Statement
from services.api.postgres import GONE
from services.api.problems import Problem, away

_REFERENCE = re.compile(r"^(\w+)_(\w+)_fkey$")


@dataclass(frozen=True)
class Row:
    """A row as JSON takes it, and its version."""

    values: dict[str, Any]
    version: str


class Store:
    """The ERP behind a pool of connections."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def page(
        self, table: Table, filters: Mapping[str, Any], order: Order, mark: Mark | None, limit: int
    ) -> tuple[list[Row], bool]:
        """Rows of a page, and whether there are more."""
        rows = await self._fetch(table, sql.select_page(table, filters, order, mark, limit))
        return rows[:limit], len(rows) > limit

    async def one(self, table: Table, key: Any) -> Row:
        """Problem 404 when there is no such row."""
        rows = await self._fetch(table, sql.select_one(table, key))
        if not rows:
            raise _missing(table)
        return rows[0]

    async def add(self, table: Table, row: Mapping[str, Any]) -> Row:
        async with self._told(table), self._pool.acquire() as connection, connection.transaction():
            if "id" not in row:
                # Two at once would take the same number.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"new id of {table.name}")
            statement = sql.insert(table, row)
            return _row(await connection.fetchrow(statement.text, *statement.values))

    async def change(
        self, table: Table, key: Any, changes: Mapping[str, Any], versions: Sequence[str] | None
    ) -> Row:  # fmt: skip
        """Problem 404: no such row. 412: it has none of these versions any more."""
        if not changes:
            row = await self.one(table, key)
            if versions is not None and row.version not in versions:
                raise _changed(table)
            return row
        rows = await self._fetch(table, sql.update(table, key, changes, versions))
        if not rows:
            await self.one(table, key)
            raise _changed(table)
        return rows[0]

    async def remove(self, table: Table, key: Any, versions: Sequence[str] | None) -> None:
        """Problem 404 and 412 as for a change; 409 while other rows refer to it."""
        statement = sql.delete(table, key, versions)
        async with self._told(table):
            gone = await self._pool.fetchval(statement.text, *statement.values)
        if gone is None:
            await self.one(table, key)
            raise _changed(table)

    async def well(self) -> None:
        """Problem 503 when the ERP does not answer."""
        async with self._told(TABLES[0]):
            await self._pool.fetchval("SELECT 1", timeout=2)

    async def _fetch(self, table: Table, statement: Statement) -> list[Row]:
        async with self._told(table):
            return [_row(record) for record in await self._pool.fetch(statement.text, *statement.values)]

    @asynccontextmanager
    async def _told(self, table: Table) -> Any:
        try:
            yield
        except asyncpg.PostgresError as error:
            raise told(error, table) from None
        except GONE:
            raise away("the ERP does not answer") from None


def _row(record: Any) -> Row:
    values = {name: _json(value) for name, value in record.items() if name != "row_version"}
    return Row(values, record["row_version"])


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _missing(table: Table) -> Problem:
    return Problem(404, f"{table.name}: there is no row of this id")


def _changed(table: Table) -> Problem:
    return Problem(412, f"{table.name}: the row was changed meanwhile: read it again")


def told(error: asyncpg.PostgresError, table: Table) -> Problem:
    """What the database refuses, in a sentence that names table and columns, and no value."""
    name = str(getattr(error, "constraint_name", None) or "")
    if isinstance(error, asyncpg.UniqueViolationError):
        return Problem(409, f"{table.name}: another row has this {' and '.join(_unique_columns(table, name))}")
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return _reference(table, name)
    if isinstance(error, asyncpg.CheckViolationError):
        return Problem(422, _rule(table, name))
    if isinstance(error, asyncpg.NotNullViolationError):
        return Problem(422, f"{table.name}: {error.column_name} must have a value")
    if isinstance(error, (asyncpg.DataError, asyncpg.CharacterNotInRepertoireError)):
        return Problem(422, f"{table.name}: a value does not fit its column")
    if isinstance(error, asyncpg.UndefinedTableError):
        return away("the ERP is being loaded")
    if isinstance(error, (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)):
        return away(f"{table.name} is in use by others", 1)
    if isinstance(error, (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)):
        return away("the ERP does not answer")
    if isinstance(error, asyncpg.InsufficientResourcesError):
        return away("the ERP has too much to do")
    raise error


def _unique_columns(table: Table, constraint: str) -> list[str]:
    for names in [*table.unique, *((c.name,) for c in table.columns if c.unique)]:
        if constraint == f"{table.name}_{'_'.join(names)}_key":
            return list(names)
    return ["id"]


def _reference(table: Table, constraint: str) -> Problem:
    """The row names one that is not there, or is named by others while it shall go."""
    for other in TABLES:
        for column in other.columns:
            if constraint == f"{other.name}_{column.name}_fkey":
                if other == table:
                    return Problem(422, f"{table.name}: {column.name} names no row of {column.references}")
                return Problem(409, f"{table.name}: rows of {other.name} still refer to this one by {column.name}")
    return Problem(409, f"{table.name}: rows refer to each other ({constraint})")


def _rule(table: Table, constraint: str) -> str:
    for column in table.columns:
        if constraint == f"{table.name}_{column.name}_check":
            if column.not_before:
                return f"{table.name}: {column.name} must not be before {column.not_before}"
            if column.minimum is not None or column.maximum is not None:
                return f"{table.name}: {column.name} is out of its bounds"
            return f"{table.name}: {column.name} has a value that is not allowed"
    return f"{table.name}: the row breaks a rule ({constraint})"
