"""Checking changes as Debezium sends them: what is well becomes a plain line, what is not a dead letter with a reason.

The shape of a change: https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-change-events-value
A line begins with what the flow routes by: {"op":…,"dt":… or {"dead":…,"dt":…
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from labflow.catalogue import Table, by_topic
from labflow.lines import Record

TOMBSTONE = "tombstone"  # the message without a value that follows a delete
ROWS = {"r": "after", "c": "after", "u": "after", "d": "before"}  # an operation, and which row it must have


class DeadError(Exception):
    """A message that no flow can use. code: a word for the path and the counters; the text says what is wrong."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def check(messages: Iterable[Record]) -> Iterator[Record]:
    """A line for each message."""
    for message in messages:
        try:
            yield _line(message)
        except DeadError as dead:
            told = {"dead": dead.code, "dt": _day(message["timestamp"]), "why": str(dead)}
            yield {**told, **message}


def _line(message: Record) -> Record:
    table = by_topic(message["topic"])
    if table is None:
        raise DeadError("unknown-table", f"no table of the catalogue has topic {message['topic']}")
    place = {"partition": message["partition"], "offset": message["offset"]}
    key = _key(message)
    if message.get("value") is None and "value_base64" not in message:
        return {"op": TOMBSTONE, "dt": _day(message["timestamp"]), "table": table.name, "key": key, **place}
    change = _object(message, "value", "not-json", "wrong-envelope")
    source, op = _source(change, table), change.get("op")
    if not isinstance(op, str) or op not in ROWS:
        raise DeadError("unknown-operation", f"op is {op!r}, not one of {', '.join(ROWS)}")
    before, after = (_row(change, name, table) for name in ("before", "after"))
    row = after if ROWS[op] == "after" else before
    if row is None:
        raise DeadError("no-row", f"op {op} without {ROWS[op]}")
    if row["id"] != key:
        raise DeadError("wrong-key", f"the key says {key!r}, the row {row['id']!r}")
    head = {"op": op, "dt": _day(source["ts_ms"]), "table": table.name, "key": key}
    told = {"lsn": source["lsn"], "tx": source.get("txId"), "at": _time(source["ts_ms"])}
    return {**head, **told, **place, "before": before, "after": after}


def _key(message: Record) -> Any:
    key = _object(message, "key", "wrong-key", "wrong-key")
    if set(key) != {"id"} or isinstance(key["id"], bool) or not isinstance(key["id"], (int, str)):
        raise DeadError("wrong-key", 'the key is not {"id": number or text}')
    return key["id"]


def _object(message: Record, name: str, unreadable: str, misshapen: str) -> Record:
    """The JSON object that is the message's key or value."""
    text = message.get(name)
    if text is None:
        raise DeadError(unreadable, f"the {name} is {'no UTF-8' if f'{name}_base64' in message else 'empty'}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DeadError(unreadable, f"the {name} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise DeadError(misshapen, f"the {name} is a {type(found).__name__}, not an object")
    return found


def _source(change: Record, table: Table) -> Record:
    source = change.get("source")
    if not isinstance(source, dict) or not {"op", "before", "after"} <= set(change):
        raise DeadError("wrong-envelope", "a change has op, before, after and source")
    if source.get("schema") != "public" or source.get("table") != table.name:
        raise DeadError("wrong-table", f"a change of {source.get('schema')}.{source.get('table')} in {table.topic}")
    source = {**source, "lsn": _log_position(source)}
    for name in ("lsn", "ts_ms"):
        if not isinstance(source.get(name), int) or isinstance(source[name], bool):
            raise DeadError("wrong-envelope", f"source.{name} is {source.get(name)!r}, not a number")
    return source


def _log_position(source: Record) -> Any:
    """A row that an incremental snapshot reads right after a start has no `lsn`: `sequence` then ends with it."""
    if source.get("lsn") is not None:
        return source["lsn"]
    try:
        return int(json.loads(source["sequence"])[-1])
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _row(change: Record, name: str, table: Table) -> Record | None:
    row = change[name]
    if row is None:
        return None
    if not isinstance(row, dict):
        raise DeadError("wrong-envelope", f"{name} is a {type(row).__name__}, not a row")
    missing = [column for column in table.names if column not in row]
    if missing:
        raise DeadError("missing-column", f"{name} has no {', '.join(missing)}")
    return row


def _moment(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        raise DeadError("wrong-envelope", f"{milliseconds} is no time of this age") from None


def _day(milliseconds: int) -> str:
    """The UTC day of the folder."""
    return _moment(milliseconds).date().isoformat()


def _time(milliseconds: int) -> str:
    return _moment(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
