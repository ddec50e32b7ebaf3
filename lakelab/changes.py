"""Changes of the ERP as Debezium sends them, and what a table is after them.

Messages come at least once, and a replay sends old ones again; so a change is applied only where it is newer than what
the key's last change was, by its place in the topic's partition: all changes of a key are in one, in order. The
position in Postgres's log would not do: a row that is read again has that of the reading, which a change that is
committed meanwhile may undercut.

A message: https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-change-events-value
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from lakelab.catalogue import Column, Kind, Table
from lakelab.errors import LabError

# What Debezium sends for a long text that a change did not touch: Postgres does not write it to the log again.
UNCHANGED = "__debezium_unavailable_value"
DELETED, READ = "d", "r"
EXTRA = "extra"  # the key of a row's columns that the catalogue does not have, as JSON text; None where there are none

# Reading a row in a snapshot, creating, updating, deleting it.
_OPERATIONS = frozenset("rcud")
_PLAIN: dict[Kind, type] = {Kind.INT: int, Kind.TEXT: str, Kind.BOOL: bool}
_PLACES = {Kind.DECIMAL: (4, 1), Kind.MONEY: (12, 2)}  # digits in all, and after the point

Key = int | str
Row = Mapping[str, Any]


class PoisonousMessageError(LabError):
    """A message that is no change of its table: it goes to the dead letters with this reason, and the rest goes on."""


@dataclass(frozen=True)
class Change:
    """A row's change. row: a value for every column of the catalogue, and `EXTRA`; None where the row was deleted.

    Dates are dates, decimals Decimal; `UNCHANGED` stands where a value was not sent.
    offset: its place in the topic's partition. lsn: where in the ERP's log it stands.
    at: when it was committed, in milliseconds since 1970 (UTC). op: r, c, u or d.
    """

    key: Key
    offset: int
    lsn: int
    at: int
    op: str
    row: Row | None


@dataclass(frozen=True)
class Version:
    """What is known of a key: its last change. row is None for a deleted one, which readers do not see."""

    offset: int
    lsn: int
    at: int
    row: Row | None


def read_change(table: Table, key: bytes | None, value: bytes | None, offset: int = 0) -> Change | None:
    """The change in a message; None for a tombstone, which only tells Kafka to forget the key.

    PoisonousMessageError: the message is no change of this table.
    """
    if value is None:
        return None
    if key is None:
        raise _poisonous(table, "it has no key")
    payload = _payload(table, value, "value")
    found = _payload(table, key, "key").get("id")
    operation, source = payload.get("op"), payload.get("source")
    if not _is(found, _PLAIN[table.column("id").kind]):
        raise _poisonous(table, "its key has no `id` of the table's kind")
    if operation not in _OPERATIONS:
        raise _poisonous(table, f"its operation is {operation!r}, not one of r, c, u, d")
    place = log_position(source) if isinstance(source, dict) else None
    if not isinstance(source, dict) or place is None or not _is(source.get("ts_ms"), int):
        raise _poisonous(table, "its source has no whole numbers `lsn` and `ts_ms`")
    assert isinstance(found, (int, str))
    row = None if operation == DELETED else _row(table, found, payload.get("after"))
    return Change(found, offset, place, source["ts_ms"], str(operation), row)


def log_position(source: Mapping[str, Any]) -> int | None:
    """Where in the ERP's log a change stands, in bytes, by the `source` of its message; None where it does not say.

    A row that an incremental snapshot reads right after a start has no `lsn`: `sequence` then ends with it.
    """
    if _is(source.get("lsn"), int):
        return int(source["lsn"])
    try:
        return int(json.loads(source["sequence"])[-1])
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def apply(state: dict[Key, Version], changes: Iterable[Change]) -> list[Change]:
    """Apply changes to the versions by key, in place; those that were new, in order, with every value filled in.

    A change that is not newer than the key's last one was applied before and is left out. A row whose key changes is
    two changes, a deletion of the old key and an insert of the new one: of one key there is but one.
    PoisonousMessageError: a change leaves out a value that is not known; those before it are applied.
    """
    applied = []
    for change in changes:
        last = state.get(change.key)
        if last is not None and change.offset <= last.offset:
            continue
        filled = _filled(change, last)
        state[change.key] = Version(filled.offset, filled.lsn, filled.at, filled.row)
        applied.append(filled)
    return applied


def _filled(change: Change, last: Version | None) -> Change:
    """The change with the values that were not sent taken from the version before."""
    if change.row is None or UNCHANGED not in change.row.values():
        return change
    before = None if last is None else last.row
    missing = [name for name, value in change.row.items() if value == UNCHANGED and before is None]
    if missing:
        raise PoisonousMessageError(
            f"a change of key {change.key} leaves out {', '.join(missing)}, and no version before it is known",
            fix="read the table again: `lab cdc resnapshot`",
        )
    assert before is not None
    row = {name: before[name] if value == UNCHANGED else value for name, value in change.row.items()}
    return replace(change, row=row)


def _row(table: Table, key: Key, after: object) -> Row:
    if not isinstance(after, dict):
        raise _poisonous(table, "it has no row `after` the change")
    missing = [column.name for column in table.columns if column.name not in after]
    if missing:
        raise _poisonous(table, f"its row lacks {', '.join(missing)}")
    row = {column.name: _value(table, column, after[column.name]) for column in table.columns}
    if row["id"] != key:
        raise _poisonous(table, f"its row has the id {row['id']!r}, its key {key!r}")
    more = {name: value for name, value in after.items() if name not in row and value != UNCHANGED}
    row[EXTRA] = json.dumps(more, ensure_ascii=False, sort_keys=True) if more else None
    return row


def _value(table: Table, column: Column, sent: Any) -> Any:
    """A value of the column's kind out of one of JSON."""
    if sent is None:
        if not column.nullable:
            raise _poisonous(table, f"its row has no value for {column.name}")
        return None
    try:
        if column.kind in _PLAIN:
            if _is(sent, _PLAIN[column.kind]):
                return sent
        elif sent == UNCHANGED:
            return sent
        elif column.kind is Kind.DATE:
            return date.fromisoformat(sent)
        else:
            return _decimal(column.kind, sent)
    except (ValueError, TypeError, InvalidOperation):
        pass
    raise _poisonous(table, f"its {column.name} is no {column.kind.value}")


def _decimal(kind: Kind, sent: object) -> Decimal:
    """The number with as many digits after the point as the column has. ValueError: it has more, or is too large."""
    digits, places = _PLACES[kind]
    if not isinstance(sent, str):
        raise ValueError(sent)
    read = Decimal(sent)
    number = read.quantize(Decimal(1).scaleb(-places))
    if number != read or len(number.as_tuple().digits) > digits:
        raise ValueError(sent)
    return number


def _payload(table: Table, message: bytes, part: str) -> dict[str, Any]:
    """The message's JSON object, out of its envelope where it comes with a schema."""
    try:
        read = json.loads(message)
    except ValueError:
        raise _poisonous(table, f"its {part} is no JSON") from None
    if isinstance(read, dict) and "schema" in read and "payload" in read:
        read = read["payload"]
    if not isinstance(read, dict):
        raise _poisonous(table, f"its {part} is no JSON object")
    return read


def _is(value: object, kind: type) -> bool:
    """Whether the value is of that very type: True is no whole number."""
    return type(value) is kind


def _poisonous(table: Table, reason: str) -> PoisonousMessageError:
    return PoisonousMessageError(f"a message is no change of {table.name}: {reason}", where=table.topic)
