"""Health check: scheduler and dag-processor gave a sign of life since the container started, the DAG can be run, and
the cluster that it runs on is known.

Airflow itself calls a component healthy for half a minute after its last sign, be it from before a restart.
Exit status 0, or 1 with the reason on standard error, which `docker inspect` shows.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOME = Path(os.environ["AIRFLOW_HOME"])
# entry.py makes the first at each start and removes the others; it makes the last when the variables are known.
STARTED, READY, GIVEN = HOME / "started", HOME / "ready", HOME / "given"
API = "http://127.0.0.1:8080"
DAG = "unload_erp"


def main() -> str:
    """What is not well yet, "" when all is."""
    started = datetime.fromtimestamp(STARTED.stat().st_mtime, UTC)
    health = call("/api/v2/monitor/health")
    for name in ("scheduler", "dag_processor"):
        sign = (health.get(name) or {}).get(f"latest_{name}_heartbeat")
        if health[name]["status"] != "healthy" or not sign or datetime.fromisoformat(sign) < started:
            return f"{name}: last sign of life {sign}"
    if not GIVEN.exists():
        return "bucket_name and emr_cluster_id are not known yet: no cluster stands (`lab stack logs prepare`)"
    if not READY.exists():  # asked until it is so, then no more: a login costs more than all the rest
        login = {"username": "admin", "password": os.environ["AIRFLOW_ADMIN_PASSWORD"]}
        call(f"/api/v2/dags/{DAG}", token=call("/auth/token", login)["access_token"])
        READY.touch()
    return ""


def call(path: str, body: dict[str, str] | None = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(API + path, data, headers), timeout=4) as answer:
        return json.load(answer)


def looked() -> str:
    """`main`, with what cannot be asked as a sentence too."""
    try:
        return main()
    except urllib.error.HTTPError as error:
        return f"{error.url} answers {error.code}"
    except OSError as error:
        return f"no answer: {error}"


if __name__ == "__main__":
    sys.exit(looked() or None)
