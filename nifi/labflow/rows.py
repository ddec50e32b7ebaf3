"""CSV files that somebody drops: each row checked against the catalogue, as the ERP itself would."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from labflow.catalogue import Column, Table, tables
from labflow.lines import Record, pack

_NAME = re.compile(r"([a-z]+)[^/]*\.csv")
_TRUE, _FALSE = ("t", "true", "1"), ("f", "false", "0")


class RefusedError(Exception):
    """A file of which no row can be taken; the text says why."""


@dataclass(frozen=True)
class Checked:
    """accepted: lines as the stage has them (CSV without a header).  rejected: JSON lines with line and reason."""

    table: str
    accepted: bytes
    rejected: bytes
    counts: tuple[int, int]


def check_file(name: str, content: bytes) -> Checked:
    """Every row of a file whose name begins with its table's: grades.csv, grades-2026-11.csv. RefusedError."""
    table = _table(name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"byte {error.start} is no UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check_header(header, table)
        accepted, rejected = [], []
        seen: set[str] = set()
        for cells, line in _rows(reader):
            why = _wrong(cells, header, table, seen)
            if why:
                rejected.append({"line": line, "why": why, "row": cells})
            else:
                accepted.append(cells)
    except csv.Error as error:
        raise RefusedError(f"line {reader.line_num}: {error}") from None
    order = [header.index(column) for column in table.names]
    return Checked(
        table.name,
        b"".join(_stage_line([cells[i] for i in order], table) for cells in accepted),
        pack(rejected),
        (len(accepted), len(rejected)),
    )


def refused(content: bytes, why: str) -> bytes:
    """The one line that stands for a file of which nothing was taken."""
    record: Record = {"line": 0, "why": why, "content": content.decode("utf-8", "replace")[:100_000]}
    return pack([record])


def _table(name: str) -> Table:
    found = _NAME.fullmatch(name)
    table = tables().get(found[1]) if found else None
    if table is None:
        raise RefusedError(f"the name does not begin with a table: {', '.join(tables())}, and end with .csv")
    return table


def _check_header(header: list[str], table: Table) -> None:
    if sorted(header) != sorted(table.names):
        missing = [name for name in table.names if name not in header]
        strange = [name for name in header if name not in table.names]
        told = [f"no {', '.join(missing)}"] if missing else []
        told += [f"strange {', '.join(map(repr, strange))}"] if strange else []
        raise RefusedError(
            f"the first line does not name the columns of {table.name}: {'; '.join(told) or 'one twice'}"
        )


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[list[str], int]]:
    for cells in reader:
        if cells:
            yield cells, reader.line_num  # type: ignore[attr-defined]


def _wrong(cells: list[str], header: list[str], table: Table, seen: set[str]) -> str:
    """What is wrong with a row, "" when nothing is. Keys are remembered in `seen`."""
    if len(cells) != len(header):
        return f"{len(cells)} fields instead of {len(header)}"
    row = dict(zip(header, cells, strict=True))
    for column in table.columns:
        why = _wrong_value(row[column.name], column)
        if why:
            return f"{column.name}: {why}"
    for column in table.columns:
        if column.not_before and row[column.name] and row[column.name] < row[column.not_before]:
            return f"{column.name}: before {column.not_before}"
    if row["id"] in seen:
        return "id: twice in this file"
    seen.add(row["id"])
    return ""


def _wrong_value(text: str, column: Column) -> str:
    if text == "":
        return "" if column.nullable else "empty"
    if column.choices and text not in column.choices:
        return f"not one of {', '.join(column.choices)}"
    try:
        number = _number(text, column.kind)
    except (ValueError, InvalidOperation):
        return f"no {column.kind}"
    if number is not None and column.minimum is not None and number < column.minimum:
        return f"less than {column.minimum}"
    if number is not None and column.maximum is not None and number > column.maximum:
        return f"more than {column.maximum}"
    return ""


def _number(text: str, kind: str) -> Decimal | None:
    """Of a number; None of what is none. ValueError or InvalidOperation: not of this kind."""
    if kind == "int":
        if not re.fullmatch(r"-?\d{1,10}", text, re.ASCII) or abs(int(text)) > 2**31 - 1:
            raise ValueError
        return Decimal(text)
    if kind in ("decimal", "money"):
        number = Decimal(text)
        if not number.is_finite() or number != round(number, 1 if kind == "decimal" else 2):
            raise ValueError
        return number
    if kind == "date":
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            raise ValueError
        date.fromisoformat(text)
    if kind == "bool" and text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError
    return None


def _stage_line(cells: list[str], table: Table) -> bytes:
    """As the unload writes it: text keeps one record on one line (lakelab/render.py), truth is t or f."""
    written = []
    for text, column in zip(cells, table.columns, strict=True):
        if column.kind == "text" and not column.choices:
            text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        elif column.kind == "bool" and text:
            text = "t" if text.lower() in _TRUE else "f"
        written.append(text)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(written)
    return stream.getvalue().encode()
