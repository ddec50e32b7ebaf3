"""Database `warehouse`: the tables that the JDBC sink keeps as the ERP's are now.

They have the ERP's columns and types, and its keys; neither its other constraints nor its indexes, as changes of
different tables arrive on their own. A column that the ERP is given is added here, too: by the next start, or by
`cdc-watch` within seconds. One that the ERP loses stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg2

from lakelab.catalogue import TABLES
from lakelab.database import Connect, connected, told

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ANY(%s)
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""

Columns = dict[str, dict[str, str]]  # table → column → type


def follow(erp: Connect, warehouse: Connect) -> list[str]:
    """Give the warehouse the tables and columns that it lacks; returns what was done, in words. LabError."""
    wanted = read_columns(erp)
    present = read_columns(warehouse)
    statements = list(_statements(wanted, present))
    run(warehouse, statements)
    return [" ".join(statement.split()[:6]) for statement in statements]


def run(warehouse: Connect, statements: Sequence[str]) -> None:
    """Run all statements in one transaction; no session for none. LabError."""
    if not statements:
        return
    with connected(warehouse) as session, session.cursor() as cursor:
        try:
            for statement in statements:
                cursor.execute(statement)
            session.commit()
        except psycopg2.Error as error:
            raise told(error, "*") from None


def read_columns(connect: Connect) -> Columns:
    """The columns of the catalogue's tables, as a database has them. LabError."""
    with connected(connect) as session, session.cursor() as cursor:
        try:
            cursor.execute(_COLUMNS, ([table.name for table in TABLES],))
            rows: list[tuple[str, str, str]] = cursor.fetchall()
        except psycopg2.Error as error:
            raise told(error, "*") from None
    found: Columns = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _statements(wanted: Columns, present: Columns) -> Any:
    for table, columns in wanted.items():
        if table not in present:
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            yield f'CREATE TABLE public."{table}" ({listed}, PRIMARY KEY (id))'
            continue
        for name, kind in columns.items():
            if name not in present[table]:
                yield f'ALTER TABLE public."{table}" ADD COLUMN "{name}" {kind}'
