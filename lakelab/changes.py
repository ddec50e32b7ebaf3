"""Changes of the ERP as Debezium sends them, and what a table is after them.

Messages come at least once, and a replay sends old ones again; so a change is applied only where it is newer than what
the key's last change was, by its position in Postgres's write-ahead log. A deleted key keeps that position too: without
it, a replay of the row's insert would bring the row back.

A message: https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-change-events-value
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lakelab.catalogue import Table
from lakelab.errors import LabError

# What Debezium sends for a long text that a change did not touch: Postgres does not write it to the log again.
UNCHANGED = "__debezium_unavailable_value"

# Reading a row in a snapshot, creating, updating, deleting it.
_OPERATIONS = frozenset("rcud")

Row = Mapping[str, Any]


class PoisonousMessageError(LabError):
    """A message that is no change of its table: it goes to the dead letters with this reason, and the rest goes on."""


@dataclass(frozen=True)
class Change:
    """A row's change. row: every column, `UNCHANGED` where it was not sent; None where the row was deleted.

    key: the row's `id`. lsn: where in the write-ahead log the change stands; a key's later changes have larger ones.
    at: when it was committed, in milliseconds since 1970 (UTC).
    """

    key: int
    lsn: int
    at: int
    row: Row | None


@dataclass(frozen=True)
class Version:
    """What is known of a key: its last change. row is None for a deleted one, which readers do not see."""

    lsn: int
    at: int
    row: Row | None


def read_change(table: Table, key: bytes | None, value: bytes | None) -> Change | None:
    """The change in a message; None for a tombstone, which only tells Kafka to forget the key.

    A column that the catalogue does not have is kept, as the ERP may have been given it since.
    PoisonousMessageError: the message is no change of this table.
    """
    if value is None:
        return None
    if key is None:
        raise _poisonous(table, "it has no key")
    payload = _payload(table, value, "value")
    number = _payload(table, key, "key").get("id")
    operation, source = payload.get("op"), payload.get("source")
    if not isinstance(number, int) or isinstance(number, bool):
        raise _poisonous(table, "its key has no whole number `id`")
    if operation not in _OPERATIONS:
        raise _poisonous(table, f"its operation is {operation!r}, not one of r, c, u, d")
    if not isinstance(source, dict) or not _whole(source.get("lsn")) or not _whole(source.get("ts_ms")):
        raise _poisonous(table, "its source has no whole numbers `lsn` and `ts_ms`")
    row = None if operation == "d" else _row(table, number, payload.get("after"))
    return Change(number, source["lsn"], source["ts_ms"], row)


def apply(state: dict[int, Version], changes: Iterable[Change]) -> list[Change]:
    """Apply changes to the versions by key, in place; those that were new, in order, with every value filled in.

    A change that is not newer than the key's last one was applied before and is left out. A row whose key changes is
    two changes at one position, a deletion of the old key and an insert of the new one: of one key there is but one.
    PoisonousMessageError: a change leaves out a value that is not known; those before it are applied.
    """
    applied = []
    for change in changes:
        last = state.get(change.key)
        if last is not None and change.lsn <= last.lsn:
            continue
        filled = _filled(change, last)
        state[change.key] = Version(filled.lsn, filled.at, filled.row)
        applied.append(filled)
    return applied


def _filled(change: Change, last: Version | None) -> Change:
    """The change with the values that were not sent taken from the version before."""
    if change.row is None or UNCHANGED not in change.row.values():
        return change
    before = None if last is None else last.row
    missing = [
        name for name, value in change.row.items() if value == UNCHANGED and (before is None or name not in before)
    ]
    if missing:
        raise PoisonousMessageError(
            f"a change of key {change.key} leaves out {', '.join(missing)}, and no version before it is known",
            fix="read the table again: `lab cdc resnapshot`",
        )
    assert before is not None
    row = {name: before[name] if value == UNCHANGED else value for name, value in change.row.items()}
    return Change(change.key, change.lsn, change.at, row)


def _row(table: Table, key: int, after: object) -> Row:
    if not isinstance(after, dict):
        raise _poisonous(table, "it has no row `after` the change")
    missing = [column.name for column in table.columns if column.name not in after]
    if missing:
        raise _poisonous(table, f"its row lacks {', '.join(missing)}")
    empty = [column.name for column in table.columns if not column.nullable and after[column.name] is None]
    if empty:
        raise _poisonous(table, f"its row has no value for {', '.join(empty)}")
    if after["id"] != key:
        raise _poisonous(table, f"its row has the id {after['id']!r}, its key {key}")
    return after


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


def _whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _poisonous(table: Table, reason: str) -> PoisonousMessageError:
    return PoisonousMessageError(f"a message is no change of {table.name}: {reason}", where=table.topic)
