"""The ERP's side of change data capture: what its log must tell, and to whom.

Run by the owner of the tables, again and again without harm. The role `debezium` itself is made with the databases
(services/postgres/databases.sh): it may read the log, the tables of the publication, and write signals and heartbeats.
"""

from __future__ import annotations

from typing import Any

import psycopg2

from lakelab.catalogue import TABLES
from lakelab.database import Connect, connected, told
from lakelab.errors import LabError

READER = "debezium"
SLOT = "debezium_erp"
PUBLICATION = "erp_changes"
SIGNALS = "cdc.signals"
HEARTBEAT = "cdc.heartbeat"
PATIENCE = "30s"

# As Debezium wants it: https://debezium.io/documentation/reference/stable/configuration/signalling.html
_OWN_TABLES = f"""
CREATE TABLE IF NOT EXISTS {SIGNALS} (id varchar(64) PRIMARY KEY, type varchar(32) NOT NULL, data text);
CREATE TABLE IF NOT EXISTS {HEARTBEAT} (id integer PRIMARY KEY, at timestamptz NOT NULL);
GRANT SELECT, INSERT, DELETE ON {SIGNALS} TO {READER};
GRANT SELECT, INSERT, UPDATE ON {HEARTBEAT} TO {READER};
"""


def prepare(connect: Connect) -> str:
    """Tables, rights, replica identities and the publication, as the catalogue has them. Returns a line.

    LabError: the ERP has no tables yet, or is in use for 30 seconds.
    """
    captured = [f"public.{table.name}" for table in TABLES]
    with connected(connect) as session, session.cursor() as cursor:
        try:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'; SET LOCAL client_min_messages = 'warning'")
            cursor.execute(_OWN_TABLES)
            changed = _identities(cursor)
            cursor.execute(f"GRANT SELECT ON {', '.join(captured)} TO {READER}")
            changed += _publish(cursor, [*captured, SIGNALS, HEARTBEAT])
            session.commit()
        except psycopg2.Error as error:
            raise told(error, "*") from None
    return f"the ERP publishes {len(captured)} tables" + (f" ({'; '.join(changed)})" if changed else "")


def _identities(cursor: Any) -> list[str]:
    """REPLICA IDENTITY FULL: the log then has the whole former row, so a change never lacks a long text that it left
    alone, and a delete tells what it deleted."""
    names = [table.name for table in TABLES]
    cursor.execute(
        "SELECT relname, relreplident FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND relname = ANY(%s)",
        (names,),
    )
    found = dict(cursor.fetchall())
    missing = [name for name in names if name not in found]
    if missing:
        raise LabError(f"table {missing[0]} does not exist in the ERP", fix="load the ERP first")
    wrong = [name for name in names if found[name] != "f"]
    for name in wrong:
        cursor.execute(f"ALTER TABLE public.{name} REPLICA IDENTITY FULL")
    return [f"whole former rows of {len(wrong)}"] if wrong else []


def _publish(cursor: Any, tables: list[str]) -> list[str]:
    """The publication with these tables and no others."""
    cursor.execute("SELECT FROM pg_publication WHERE pubname = %s", (PUBLICATION,))
    if cursor.fetchone() is None:
        cursor.execute(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(tables)}")
        return ["new publication"]
    cursor.execute(
        "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = %s", (PUBLICATION,)
    )
    if {row[0] for row in cursor.fetchall()} == set(tables):
        return []
    cursor.execute(f"ALTER PUBLICATION {PUBLICATION} SET TABLE {', '.join(tables)}")
    return ["publication corrected"]
