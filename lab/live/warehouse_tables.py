"""Tables of the warehouse that NiFi keeps: schema `nifi`, for what says nothing about a person.

NiFi may bring a row twice, and an older state after a newer one: a trigger lets the place in the log decide.
"""

from __future__ import annotations

from typing import Any

import psycopg2

from lakelab.catalogue import Table, table
from lakelab.errors import LabError
from lakelab.render import POSTGRES

SCHEMA = "nifi"
TABLES: tuple[Table, ...] = tuple(table(name) for name in ("campuses", "companies", "subjects"))

_GUARD = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE OR REPLACE FUNCTION {SCHEMA}.newer_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW._lsn < OLD._lsn THEN RETURN NULL; END IF; RETURN NEW; END $$;
"""


def table_sql(of: Table) -> str:
    """A table with the state of each row, deleted ones too, and a view of those that are."""
    name = f"{SCHEMA}.{of.name}"
    columns = [f'"{c.name}" {POSTGRES[c.kind]}{"" if c.nullable else " NOT NULL"}' for c in of.columns]
    columns += ["_op text NOT NULL", "_lsn bigint NOT NULL", "_deleted boolean NOT NULL", "PRIMARY KEY (id)"]
    shown = ", ".join(f'"{c.name}"' for c in of.columns)
    return f"""
CREATE TABLE IF NOT EXISTS {name} ({", ".join(columns)});
CREATE OR REPLACE TRIGGER newer_only BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.newer_only();
CREATE OR REPLACE VIEW {name}_current AS SELECT {shown} FROM {name} WHERE NOT _deleted;
"""


def make_tables(host: str, password: str) -> str:
    """Make what is missing, before a flow starts: NiFi remembers that a table was not there. Returns a line."""
    try:
        session: Any = psycopg2.connect(
            host=host, dbname="warehouse", user="warehouse", password=password, connect_timeout=10
        )
        with session, session.cursor() as cursor:
            cursor.execute("SET LOCAL client_min_messages = warning;" + _GUARD + "".join(map(table_sql, TABLES)))
        session.close()
    except psycopg2.Error as error:
        raise LabError(f"the warehouse refuses: {str(error).strip()}", where=host, fix="see `make status`") from None
    return f"schema {SCHEMA} of the warehouse has {len(TABLES)} tables"
