"""Runs inside the Airflow image: two starts of the container on one database, with a user between them.

Says as JSON what connections and variables there are after each.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, "/opt/airflow/lab")

import records

VARIABLES = Path("/tmp/variables.json")


def start(**changed: str) -> dict:
    """A start with other values in the environment, or other variables left by `prepare`."""
    records.VARIABLES = VARIABLES
    os.environ.update(changed)
    records.main()
    return found()


def found() -> dict:
    from airflow.models import Connection, Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select, text

    with create_session() as session:
        connections = {c.conn_id: c.get_uri() for c in session.scalars(select(Connection))}
        variables = {v.key: v.val for v in session.scalars(select(Variable))}
        stored = [row[0] for row in session.execute(text("SELECT password FROM connection WHERE password IS NOT NULL"))]
    return {"connections": connections, "variables": variables, "stored_passwords": stored}


def a_user_edits() -> None:
    from airflow.models import Connection, Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        session.scalar(select(Variable).where(Variable.key == "emr_poll_seconds")).val = "7"
        session.add(Variable(key="own", val="kept"))
        session.add(Connection(conn_id="own", conn_type="http", host="example.org"))


VARIABLES.write_text(json.dumps({"bucket_name": "first-bucket", "emr_cluster_id": "j-1"}))
first = start()
a_user_edits()
VARIABLES.write_text(json.dumps({"bucket_name": "first-bucket", "emr_cluster_id": "j-2"}))
second = start(ERP_UNLOADER_PASSWORD="changed/at once")
print(json.dumps({"first": first, "second": second}))
