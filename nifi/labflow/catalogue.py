"""The tables as `make render` derives them from lakelab/catalogue.py: catalogue.json beside this file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PSEUDONYM = "pseudonym"  # a keyed pseudonym of the person, `pseudonym:<table>`
REMOVE = "remove"
YEAR = "year"  # of a date, its first day


@dataclass(frozen=True)
class Column:
    """A column. kind: as the catalogue's.  mask: what becomes of it outside the ERP, "" when it stays as it is."""

    name: str
    kind: str
    nullable: bool
    mask: str
    choices: tuple[str, ...]
    minimum: int | None
    maximum: int | None
    not_before: str | None


@dataclass(frozen=True)
class Table:
    """A table; columns in the order of the catalogue."""

    name: str
    topic: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@cache
def tables() -> dict[str, Table]:
    """Every table by name."""
    declared = json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))
    return {name: _table(name, found) for name, found in declared.items()}


def _table(name: str, found: dict[str, object]) -> Table:
    columns = found["columns"]
    assert isinstance(columns, list)
    made = tuple(Column(**{**column, "choices": tuple(column["choices"])}) for column in columns)
    return Table(name, str(found["topic"]), made)


def by_topic(topic: str) -> Table | None:
    """The table whose changes a topic has; None for a topic that no table has."""
    return next((table for table in tables().values() if table.topic == topic), None)
