"""`lab cdc ways`: ways to follow a table, side by side, on a small table of their own in the ERP; what each one misses.

- **pull by time**: rows whose `updated_at` is later than the latest one seen. It is the time of the transaction.
- **pull by version**: rows whose `version`, out of a sequence, is higher than the highest one seen.
- **outbox**: a trigger writes each change into a queue, in the same transaction; a reader takes what is there.
- **log**: the changes out of Postgres' own log, as Debezium has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2

from lakelab.database import Connect, connected, told

_TABLES = """
DROP SCHEMA IF EXISTS cdc_ways CASCADE;
CREATE SCHEMA cdc_ways;
CREATE SEQUENCE cdc_ways.versions;
CREATE TABLE cdc_ways.seats (id integer PRIMARY KEY, holder text, version bigint, updated_at timestamptz);
CREATE TABLE cdc_ways.outbox (number bigserial PRIMARY KEY, op text, id integer, holder text);
CREATE FUNCTION cdc_ways.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.version := nextval('cdc_ways.versions'); NEW.updated_at := now(); RETURN NEW;
END $$;
CREATE FUNCTION cdc_ways.post() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO cdc_ways.outbox (op, id, holder) VALUES (TG_OP, coalesce(NEW.id, OLD.id), NEW.holder); RETURN NULL;
END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON cdc_ways.seats FOR EACH ROW EXECUTE FUNCTION cdc_ways.stamp();
CREATE TRIGGER post AFTER INSERT OR UPDATE OR DELETE ON cdc_ways.seats FOR EACH ROW EXECUTE FUNCTION cdc_ways.post();
INSERT INTO cdc_ways.seats VALUES (1, 'Ada'), (2, 'Alan');
DELETE FROM cdc_ways.outbox;
GRANT USAGE ON SCHEMA cdc_ways TO debezium;
"""
_DECODED = re.compile(
    r"table cdc_ways\.seats: (?P<op>\w+): id\[integer\]:(?P<id>\d+)(?: holder\[text\]:'(?P<holder>\w+)')?"
)

Change = tuple[str, int, str]  # INSERT, UPDATE or DELETE; key; holder, "" for a DELETE

# What is done, in the order of commits, and when the readers look.
HAPPENED: tuple[tuple[str, Change], ...] = (
    ("a row is created", ("INSERT", 4, "Grace")),
    ("one is created by a transaction that began earlier", ("INSERT", 3, "Edsger")),
    ("a row is changed", ("UPDATE", 4, "Barbara")),
    ("it is changed again before anybody looks", ("UPDATE", 4, "Katherine")),
    ("a row is deleted", ("DELETE", 1, "")),
)


@dataclass(frozen=True)
class Way:
    """What one way saw of HAPPENED, by its order; and what it costs the ERP."""

    name: str
    saw: tuple[bool, ...]
    costs: str


def compare(owner: Connect, reader: Connect) -> list[Way]:
    """Make the table, let it all happen, look twice by each way. LabError: the ERP does not answer, or refuses."""
    with connected(owner) as early, connected(owner) as session, connected(reader) as log:
        for connection in (session, log):
            connection.autocommit = True
        try:
            return _compare(early, session, log)
        except psycopg2.Error as error:
            raise told(error, "*") from None
        finally:
            early.rollback()
            with session.cursor() as cursor:
                cursor.execute("DROP SCHEMA IF EXISTS cdc_ways CASCADE")


def _compare(early: Any, session: Any, log: Any) -> list[Way]:
    with early.cursor() as slow, session.cursor() as now, log.cursor() as reading:
        now.execute(_TABLES)
        reading.execute("SELECT pg_create_logical_replication_slot('cdc_ways', 'test_decoding', true)")
        by_time, by_version = _pull(now, "updated_at"), _pull(now, "version")
        outbox, decoded = _outbox(now), _log(reading)
        looks = (by_time, by_version, outbox, decoded)
        seen: list[set[Change]] = [set() for _ in looks]

        def look() -> None:
            for found, one in zip(seen, looks, strict=True):
                found |= one()

        look()
        slow.execute("INSERT INTO cdc_ways.seats VALUES (3, 'Edsger')")
        now.execute("INSERT INTO cdc_ways.seats VALUES (4, 'Grace')")
        look()
        early.commit()
        now.execute("UPDATE cdc_ways.seats SET holder = 'Barbara' WHERE id = 4")
        now.execute("UPDATE cdc_ways.seats SET holder = 'Katherine' WHERE id = 4")
        now.execute("DELETE FROM cdc_ways.seats WHERE id = 1")
        look()
    names = (
        ("pull by time", "a column, an index, a trigger; a query each look"),
        ("pull by version", "a column, an index, a trigger; a query each look"),
        ("outbox", "a second write in each transaction; a queue to be emptied"),
        ("log", "nothing at the time; the log is kept until it is read"),
    )
    return [Way(name, _saw(found), costs) for (name, costs), found in zip(names, seen, strict=True)]


def _saw(found: set[Change]) -> tuple[bool, ...]:
    """A pull does not know what was done: to it a row is there, in some state."""
    states = {(key, holder) for op, key, holder in found if op == "ROW"}
    return tuple(change in found or change[1:] in states for _, change in HAPPENED)


def _pull(cursor: Any, column: str) -> Callable[[], set[Change]]:
    latest: list[Any] = [None]

    def look() -> set[Change]:
        cursor.execute(
            f"SELECT id, holder, {column} FROM cdc_ways.seats WHERE %s IS NULL OR {column} > %s ORDER BY {column}",
            (latest[0], latest[0]),
        )
        rows = cursor.fetchall()
        if rows:
            latest[0] = rows[-1][2]
        return {("ROW", key, holder) for key, holder, _ in rows}

    return look


def _outbox(cursor: Any) -> Callable[[], set[Change]]:
    def look() -> set[Change]:
        cursor.execute("DELETE FROM cdc_ways.outbox RETURNING op, id, coalesce(holder, '')")
        return set(cursor.fetchall())

    return look


def _log(cursor: Any) -> Callable[[], set[Change]]:
    def look() -> set[Change]:
        cursor.execute("SELECT data FROM pg_logical_slot_get_changes('cdc_ways', NULL, NULL)")
        found = [_DECODED.match(row[0]) for row in cursor.fetchall()]
        return {(m["op"], int(m["id"]), m["holder"] or "") for m in found if m}

    return look
