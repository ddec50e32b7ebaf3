"""What the catalogue asks of a row, as expressions over columns of text.

Reasons name the column and the rule, never the value: the value may be personal, and reasons end up in logs.
"""

from __future__ import annotations

from collections.abc import Iterator

from lakelab.catalogue import Column, Kind, Table
from lakelab.frames import polars as pl

REASON = "#reason"
_PATTERNS = {
    Kind.INT: (r"^-?\d{1,18}$", "not a whole number"),
    Kind.DATE: (r"^\d{4}-\d{2}-\d{2}$", "not a date like 2026-06-30"),
    Kind.DECIMAL: (r"^-?\d{1,9}(\.\d)?$", "not a number like 62.0"),
    Kind.MONEY: (r"^-?\d{1,10}(\.\d{1,2})?$", "not an amount like 1250.00"),
    Kind.BOOL: (r"^[tf]$", "not t or f"),
}
_INTEGER = 2**31  # the ERP's integers have four bytes
_SCALE = {Kind.DECIMAL: 1, Kind.MONEY: 2}


def _cents(column: Column) -> pl.Expr:
    """A decimal or amount as a whole number of its smallest unit; NULL where it does not look like one."""
    text = pl.col(column.name)
    pattern = _PATTERNS[column.kind][0]
    digits = _SCALE[column.kind]
    whole, part = text.str.extract(r"^-?(\d+)"), text.str.extract(r"\.(\d+)$").fill_null("")
    size = pl.concat_str([whole, part.str.pad_end(digits, "0")]).cast(pl.Int64, strict=False)
    signed = pl.when(text.str.starts_with("-")).then(-size).otherwise(size)
    return pl.when(text.str.contains(pattern)).then(signed)


def value(column: Column) -> pl.Expr:
    """The column's value in its own type, NULL where the text does not have one. Decimals in smallest units."""
    text = pl.col(column.name)
    if column.kind is Kind.INT:
        number = text.cast(pl.Int64, strict=False)
        return pl.when(text.str.contains(_PATTERNS[Kind.INT][0])).then(number)
    if column.kind is Kind.DATE:
        return text.str.to_date("%Y-%m-%d", strict=False)
    return _cents(column) if column.kind in _SCALE else text


def canonical(column: Column) -> pl.Expr:
    """An accepted value as the lab's dialect writes it: 007 as 7, 62 as 62.0."""
    if column.kind is Kind.INT:
        return value(column).cast(pl.String).alias(column.name)
    digits = _SCALE.get(column.kind)
    if not digits:
        return pl.col(column.name)
    units = value(column)
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    text = units.abs().cast(pl.String).str.pad_start(digits + 1, "0")
    return pl.concat_str([sign, text.str.head(-digits), pl.lit("."), text.str.tail(digits)]).alias(column.name)


def _form(column: Column) -> Iterator[tuple[pl.Expr, str]]:
    """Rules about the text alone, most basic first."""
    text = pl.col(column.name)
    if not column.nullable:
        yield text.is_null(), "empty"
    if column.kind is Kind.TEXT:
        yield text == "", "empty text in quotes: leave out the quotes"
        yield text.str.contains("\0", literal=True), "a NUL character"
    else:
        pattern, reason = _PATTERNS[column.kind]
        yield ~text.str.contains(pattern), reason
    if column.kind is Kind.DATE:
        yield value(column).is_null() & text.is_not_null(), "no such day"
    if column.kind is Kind.INT:
        yield ~value(column).is_between(-_INTEGER, _INTEGER - 1), "too large for the ERP's integers"
    if column.choices:
        yield ~text.is_in(list(column.choices)), f"not one of {', '.join(column.choices)}"


def _bounds(table: Table, column: Column) -> Iterator[tuple[pl.Expr, str]]:
    """Rules about values."""
    unit = 10 ** _SCALE.get(column.kind, 0)
    if column.minimum is not None:
        yield value(column) < column.minimum * unit, f"below {column.minimum}"
    if column.maximum is not None:
        yield value(column) > column.maximum * unit, f"above {column.maximum}"
    if column.not_before is not None:
        yield value(column) < value(table.column(column.not_before)), f"before {column.not_before}"


def reason(table: Table) -> pl.Expr:
    """Why a row is refused: the first rule that it breaks, as `column: rule`; NULL for a good row."""
    broken = [
        pl.when(bad).then(pl.lit(f"{column.name}: {why}"))
        for rules in (_form, lambda column: _bounds(table, column))
        for column in table.columns
        for bad, why in rules(column)
    ]
    return pl.coalesce(*broken).alias(REASON)
