"""Role `cdc`: the ERP publishes its changes, and connectors carry them. `python -m lab.live.cdc`.

Done again at each start: what is as it should be stays as it is.
"""

from __future__ import annotations

import os
from functools import partial

import psycopg2

from lab.embedded.postgres import OWNER
from lab.live import source
from lab.live.connect import Connect
from lab.live.connectors import apply, definitions, wait_until_running
from lab.live.warehouse import follow
from lab.stack import role
from lakelab.catalogue import DATABASE
from lakelab.database import Connect as ConnectErp


def erp() -> ConnectErp:
    """What opens sessions of the tables' owner, by the container's variables."""
    return _session(OWNER, "ERP_OWNER_PASSWORD", DATABASE)


def warehouse() -> ConnectErp:
    """What opens sessions of the warehouse's owner."""
    return _session("warehouse", "WAREHOUSE_PASSWORD", "warehouse")


def _session(user: str, password: str, database: str) -> ConnectErp:
    return partial(
        psycopg2.connect, host=role.need("ERP_HOST"), port=int(os.environ.get("ERP_PORT", "5432")),
        user=user, password=role.need(password), dbname=database,
        application_name="lakelab cdc", connect_timeout=10,
    )  # fmt: skip


def start() -> str:
    """Prepare the ERP, apply the connectors, wait until they run. LabError says what keeps them from it."""
    lines = [source.prepare(erp())]
    added = follow(erp(), warehouse())
    if added:
        lines.append(f"the warehouse was given {len(added)} tables or columns")
    connect = Connect(role.need("CONNECT_URL"))
    for definition in definitions():
        changed = apply(connect, definition)
        wait_until_running(connect, definition.name)
        lines.append(f"{definition.name} {'started' if changed else 'runs'}")
    return "; ".join(lines)


if __name__ == "__main__":
    role.run(start)
