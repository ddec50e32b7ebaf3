"""pydantic models of the tables, made from the catalogue's types: a row, a new row, a change, and a filter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, create_model

from lakelab.catalogue import TABLES, Column, Kind, Table

INT_LIMIT = 2**31 - 1
# Postgres keeps no NUL in text, and an empty text could not be told from NULL in a CSV file.
TEXT = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]
NUMBER = PlainSerializer(float, return_type=float, when_used="json")
EXAMPLES: dict[Kind, Any] = {
    Kind.INT: 1, Kind.TEXT: "text", Kind.DATE: "2026-06-01", Kind.DECIMAL: 62.5, Kind.MONEY: 1250.5, Kind.BOOL: True,
}  # fmt: skip


@dataclass(frozen=True)
class Models:
    """The models of one table. `new` may lack a whole number as id, which the ERP then gives."""

    row: type[BaseModel]
    new: type[BaseModel]
    replacement: type[BaseModel]
    change: type[BaseModel]
    filter: type[BaseModel]


def annotation(column: Column) -> Any:
    """The Python type of a column's value, with its bounds, and None where it may be NULL."""
    bounds: dict[str, Any] = {}
    if column.minimum is not None:
        bounds["ge"] = column.minimum
    if column.maximum is not None:
        bounds["le"] = column.maximum
    kind: Any
    if column.choices:
        kind = Literal[column.choices]
    elif column.kind is Kind.INT:
        kind = Annotated[int, Field(**{"ge": -INT_LIMIT - 1, "le": INT_LIMIT, **bounds})]
    elif column.kind is Kind.DECIMAL:
        kind = Annotated[Decimal, Field(max_digits=4, decimal_places=1, **bounds), NUMBER]
    elif column.kind is Kind.MONEY:
        kind = Annotated[Decimal, Field(max_digits=12, decimal_places=2, **bounds), NUMBER]
    else:
        kind = {Kind.TEXT: TEXT, Kind.DATE: dt.date, Kind.BOOL: bool}[column.kind]
    return kind | None if column.nullable else kind


def _field(column: Column, default: Any = ...) -> Any:
    example = column.choices[0] if column.choices else EXAMPLES[column.kind]
    if column.minimum is not None and column.kind is Kind.INT:
        example = max(example, column.minimum)
    return Field(default, description=column.doc, examples=[example])


def _optional(kind: Any) -> Any:
    return kind | None


def models_of(table: Table) -> Models:
    """The models of a table."""
    name = table.name.title().replace("_", "")
    key = table.column("id")
    others = [column for column in table.columns if column.name != "id"]
    required: dict[str, Any] = {c.name: (annotation(c), _field(c, None if c.nullable else ...)) for c in others}
    row: dict[str, Any] = {c.name: (annotation(c), _field(c)) for c in table.columns}
    given = (annotation(key), _field(key)) if key.kind is Kind.TEXT else (_optional(annotation(key)), _field(key, None))
    some: dict[str, Any] = {c.name: (annotation(c), _field(c, None)) for c in others}
    strict = ConfigDict(extra="forbid", title=name)
    return Models(
        row=create_model(name, __doc__=table.doc, **row),
        new=create_model(f"New{name}", __config__=strict, __doc__=table.doc, **{"id": given, **required}),
        replacement=create_model(f"Whole{name}", __config__=strict, __doc__=table.doc, **required),
        change=create_model(f"Changed{name}", __config__=strict, __doc__="Columns to change.", **some),
        filter=_filter(table, name),
    )


def _filter(table: Table, name: str) -> type[BaseModel]:
    """Query parameters of a list: a value for any column, and how the list shall be."""
    fields: dict[str, Any] = {c.name: (_optional(annotation(c)), Field(None, description=c.doc)) for c in table.columns}
    columns = "|".join(table.column_names)
    fields["limit"] = (int, Field(50, ge=1, le=500, description="Rows of a page."))
    fields["order"] = (
        Annotated[str, Field(pattern=rf"^-?({columns})$")],
        Field("id", description="Column to sort by; with - before it, the largest first. NULL comes last."),
    )
    fields["after"] = (
        Annotated[str, Field(max_length=2000)] | None,
        Field(None, description="Where the page begins; of `next`."),
    )
    return create_model(f"{name}Filter", __config__=ConfigDict(extra="forbid"), **fields)


MODELS = {table.name: models_of(table) for table in TABLES}
