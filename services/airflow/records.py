"""Before Airflow starts: its tables, and in them the lab's connections and variables, where users see and edit them.
Once more when the variables have come, or changed.

One process with one import of Airflow; the same by its command line would take one start each.
Connections are those of the environment at each start. `bucket_name` and `emr_cluster_id` come from the volume `state`,
where the job `prepare` leaves them; another variable is set only where there is none.

On AWS there is no endpoint and no key, as the instance's role signs; Terraform leaves the variables, and among them
`hiveserver2_host`: without one there is no connection to Hive.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

VARIABLES = Path(os.environ["LAB_VARIABLES"])
# In the lab a step takes seconds; EMR itself would refuse to be asked so often.
DEFAULTS = {"emr_poll_seconds": "1"}
SET_BY_THE_LAB = "Set by the lab at each start."


def connections(given: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the DAGs reach, as the environment says, and what Terraform left."""
    env = os.environ
    hive = env.get("HIVESERVER2_HOST") or given.get("hiveserver2_host")
    found = {
        "5DATA-ERP": {
            "conn_type": "postgres",
            "host": env["ERP_HOST"],
            "port": 5432,
            "schema": "ERP",
            "login": "erp_unloader",
            "password": env["ERP_UNLOADER_PASSWORD"],
            "description": f"The school's ERP, to read from. {SET_BY_THE_LAB}",
        },
        "aws_default": _aws(),
    }
    if hive:
        found["hiveserver2_default"] = {
            "conn_type": "generic",
            "host": hive,
            "port": 10000,
            "schema": "data_dev_5data",
            "login": "hadoop",
            "description": f"HiveServer2, to prove a run. {SET_BY_THE_LAB}",
        }
    return found


def _aws() -> dict[str, Any]:
    """The lab's endpoint with its keys; or AWS itself, with the role of the machine."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    extra = {"region_name": os.environ["AWS_REGION"], **({"endpoint_url": endpoint} if endpoint else {})}
    return {
        "conn_type": "aws",
        "login": os.environ.get("AWS_ACCESS_KEY_ID") or None,
        "password": os.environ.get("AWS_SECRET_ACCESS_KEY") or None,
        "extra": json.dumps(extra),
        "description": f"S3 and EMR: without endpoint_url in Extra this is AWS itself. {SET_BY_THE_LAB}",
    }


def main() -> None:
    from airflow.utils.db import upgradedb
    from airflow.utils.session import create_session

    upgradedb()
    given = json.loads(VARIABLES.read_text(encoding="utf-8")) if VARIABLES.exists() else {}
    with create_session() as session:
        for conn_id, wanted in connections(given).items():
            _set_connection(session, conn_id, wanted)
        for key, value in given.items():
            _set_variable(session, key, value, SET_BY_THE_LAB)
        for key in DEFAULTS.keys() - given.keys():
            _set_variable(session, key, DEFAULTS[key], "Seconds between two questions to EMR.", replace=False)
    if not given:
        print("airflow: bucket_name and emr_cluster_id are set when a cluster stands", file=sys.stderr)


def _set_connection(session: Any, conn_id: str, wanted: dict[str, Any]) -> None:
    from airflow.models import Connection
    from sqlalchemy import select

    found = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
    if found is None:
        session.add(Connection(conn_id=conn_id, **wanted))
        return
    for name, value in wanted.items():
        setattr(found, name, value)


def _set_variable(session: Any, key: str, value: str, description: str, *, replace: bool = True) -> None:
    from airflow.models import Variable
    from sqlalchemy import select

    found = session.scalar(select(Variable).where(Variable.key == key))
    if found is None:
        session.add(Variable(key=key, val=value, description=description))
    elif replace:
        found.val = value


if __name__ == "__main__":
    main()
