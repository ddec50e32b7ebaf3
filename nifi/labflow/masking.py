"""Changes as they may leave the ERP: personal fields masked as the catalogue says, and attributes that tell the rest.

Privacy by default: a column that the catalogue does not know yet is withheld until it is declared there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labflow import catalogue
from labflow.catalogue import Table, tables
from labflow.lines import Record, pack
from labflow.messages import key_list

STUDENTS = "students"
CHANGE, ROW = "change", "row"  # layouts


@dataclass(frozen=True)
class Masked:
    """Lines that may leave, and the flow file's attributes."""

    content: bytes
    attributes: dict[str, str]


def pseudonym(key: bytes, table: str, number: object) -> str:
    """Of a person's number: for a student that of the marts (lakelab/pseudonyms.py), for others one of their own, so
    that a professor and a student of the same number are not taken for one."""
    text = str(number) if table == STUDENTS else f"{table}:{number}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def mask_row(row: Record, table: Table, key: bytes) -> Record:
    """The row with its columns in the order of the catalogue, masked; what is removed is not there at all."""
    masked = {}
    for column in table.columns:
        if column.mask != catalogue.REMOVE:
            masked[column.name] = _mask(row[column.name], column.mask, key)
    return masked


def _mask(value: Any, mask: str, key: bytes) -> Any:
    if value is None or not mask:
        return value
    if mask == catalogue.YEAR:
        return f"{str(value)[:4]}-01-01"
    return pseudonym(key, mask.removeprefix(f"{catalogue.PSEUDONYM}:"), value)


def mask(lines: Sequence[Record], key: bytes, layout: str = CHANGE) -> Masked:
    """A batch of one table and, in layout `change`, of one operation and day (they name its file).

    layout `row`: only the state after each change, as a row with _op, _lsn and _deleted; tombstones say nothing there.
    """
    table = tables()[lines[0]["table"]]
    if layout == ROW:
        made = [_as_row(line, table, key) for line in lines if line["op"] in ("r", "c", "u", "d")]
    else:
        made = [_as_change(line, table, key) for line in lines]
    return Masked(pack(made), _attributes(lines, table, len(made)))


def _as_change(line: Record, table: Table, key: bytes) -> Record:
    found = {**line, "key": _mask(line["key"], table.columns[0].mask, key)}
    for name in ("before", "after"):
        if line.get(name) is not None:
            found[name] = mask_row(line[name], table, key)
    return found


def _as_row(line: Record, table: Table, key: bytes) -> Record:
    deleted = line["op"] == "d"
    row = mask_row(line["before" if deleted else "after"], table, key)
    return {**row, "_op": line["op"], "_lsn": line["lsn"], "_deleted": deleted}


def _attributes(lines: Sequence[Record], table: Table, count: int) -> dict[str, str]:
    first, last = lines[0], lines[-1]
    positions = [line["lsn"] for line in lines if "lsn" in line]
    found = {
        "table": table.name,
        "op": first["op"],
        "dt": first["dt"],
        "kafka.offset.first": str(first["offset"]),
        "kafka.offset.last": str(last["offset"]),
        "record.count": str(count),
        "keys": key_list(line["key"] for line in lines),
        "filename": f"{table.name}-{first['partition']}-{first['offset']:012d}-{first['op']}.jsonl",
    }
    if positions:
        found |= {"lsn.first": lsn_text(min(positions)), "lsn.last": lsn_text(max(positions))}
    withheld = sorted(_unknown(lines, table))
    return found | ({"columns.withheld": " ".join(withheld)} if withheld else {})


def lsn_text(position: int) -> str:
    """A place in Postgres's log as Postgres writes it: 0/2D70C98."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _unknown(lines: Iterable[Record], table: Table) -> set[str]:
    known = set(table.names)
    return {
        name for line in lines for side in ("before", "after") for name in (line.get(side) or ()) if name not in known
    }
