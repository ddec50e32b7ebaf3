"""SQL for one table: statement and values. Names come from the catalogue alone, values go as parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakelab.catalogue import Kind, Table
from lakelab.render import POSTGRES
from services.api.erp.pages import Mark, Order

VERSION = "xmin::text AS row_version"  # the transaction that wrote the row: another one for every change


@dataclass(frozen=True)
class Statement:
    """SQL with $1, $2 …, and what they stand for."""

    text: str
    values: tuple[Any, ...] = ()


def _columns(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.column_names) + f", {VERSION}"


def _type(table: Table, name: str) -> str:
    return POSTGRES[table.column(name).kind]


def select_one(table: Table, key: Any) -> Statement:
    return Statement(f"SELECT {_columns(table)} FROM public.{table.name} WHERE id = $1", (key,))


def select_page(table: Table, filters: Mapping[str, Any], order: Order, mark: Mark | None, limit: int) -> Statement:
    """One row more than the limit, which tells whether there is a next page."""
    values: list[Any] = []

    def parameter(value: Any, name: str) -> str:
        values.append(value)
        return f"${len(values)}::{_type(table, name)}"

    where = [f'"{name}" = {parameter(value, name)}' for name, value in filters.items()]
    by, sign = f'"{order.column}"', "<" if order.down else ">"
    if mark is not None:
        where.append(_beyond(by, sign, order, mark, parameter))
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    direction = "DESC" if order.down else "ASC"
    # NULLs last in both directions; `id` needs no tie-break, and has its index then.
    sort = f"id {direction}" if order.column == "id" else f"{by} {direction} NULLS LAST, id ASC"
    text = f"SELECT {_columns(table)} FROM public.{table.name}{condition} ORDER BY {sort} LIMIT {limit + 1}"
    return Statement(text, tuple(values))


def _beyond(by: str, sign: str, order: Order, mark: Mark, parameter: Any) -> str:
    """Rows after the mark."""
    if order.column == "id":
        return f"id {sign} {parameter(mark.key, 'id')}"
    key = parameter(mark.key, "id")
    if mark.value is None:
        return f"({by} IS NULL AND id > {key})"
    value = parameter(mark.value, order.column)
    return f"({by} {sign} {value} OR ({by} = {value} AND id > {key}) OR {by} IS NULL)"


def insert(table: Table, row: Mapping[str, Any]) -> Statement:
    """A new row. Without an id, the next whole number is taken: the statement runs under the table's lock then."""
    names = [name for name in table.column_names if name in row]
    values = [f"${n}" for n in range(1, len(names) + 1)]
    if "id" not in row:
        assert table.column("id").kind is Kind.INT
        names.insert(0, "id")
        values.insert(0, f"(SELECT coalesce(max(id), 0) + 1 FROM public.{table.name})")
    columns = ", ".join(f'"{name}"' for name in names)
    text = f"INSERT INTO public.{table.name} ({columns}) VALUES ({', '.join(values)}) RETURNING {_columns(table)}"
    return Statement(text, tuple(row[name] for name in names if name in row))


def update(table: Table, key: Any, changes: Mapping[str, Any], versions: Sequence[str] | None) -> Statement:
    """Change a row, where it has one of the versions if any are given."""
    sets = ", ".join(f'"{name}" = ${n}' for n, name in enumerate(changes, 3))
    text = f"UPDATE public.{table.name} SET {sets} {_this_row()} RETURNING {_columns(table)}"
    return Statement(text, (key, versions, *changes.values()))


def delete(table: Table, key: Any, versions: Sequence[str] | None) -> Statement:
    return Statement(f"DELETE FROM public.{table.name} {_this_row()} RETURNING id", (key, versions))


def _this_row() -> str:
    return "WHERE id = $1 AND ($2::text[] IS NULL OR xmin::text = ANY($2::text[]))"
