"""Running a script of this folder inside the stack's Airflow image, without a network but one to an EMR endpoint."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from polling import poll_until

from lakelab.settings import REPOSITORY

OURS = {
    "dags": "/opt/lakelab/dags",
    "lakelab": "/opt/lakelab/lakelab",
    "services/airflow/records.py": "/opt/airflow/lab/records.py",
}


SCRIPTS = "/opt/lakelab/tests/dags"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIALAKELABDAGTEST01", "AWS_SECRET_ACCESS_KEY": "of-the-tests/and+of=nobody-else"}
BUCKET = "dags"
ENDPOINT_PORT = 4566


def image(name: str = "airflow") -> str:
    pinned = re.search(r"^LAKELAB_TAG=(.+)$", (REPOSITORY / "compose" / "versions.env").read_text(), re.MULTILINE)
    assert pinned
    return f"lakelab/{name}:{pinned[1]}"


def run_inside(script: str, environment: Mapping[str, str], network: str = "none") -> Any:
    """What the script writes as JSON in its last line; it reads the repository's own files, not the image's."""
    mounts = _mounts({**OURS, "tests/dags": SCRIPTS})
    done = subprocess.run(
        ["docker", "run", "--rm", f"--network={network}", *_variables(environment), *mounts, image(), "python",
         f"{SCRIPTS}/{script}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# All that differs from AWS: where it is, and who asks.
CONNECTION = {
    "conn_type": "aws",
    "login": KEYS["AWS_ACCESS_KEY_ID"],
    "password": KEYS["AWS_SECRET_ACCESS_KEY"],
    "extra": {"region_name": "eu-west-1", "endpoint_url": f"http://127.0.0.1:{ENDPOINT_PORT}"},
}
# An Airflow that runs DAGs of a folder by itself, without a server.
ALONE = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////tmp/airflow.db",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(CONNECTION),
}


@contextlib.contextmanager
def emr_endpoint(commands: Mapping[str, str] | None = None) -> Iterator[str]:
    """An EMR endpoint with a bucket, in a network of its own; its name for others that shall share that network.

    commands: shell scripts for what the image lacks to run steps, by name.
    """
    scripts = [
        f"printf '#!/bin/sh\\n%s\\n' {shlex.quote(script)} >/tmp/bin/{name}"
        for name, script in (commands or {}).items()
    ]
    serve = " && ".join(
        [
            f"mkdir -p /tmp/bin /tmp/emr/s3/{BUCKET}",
            f"cp -r /opt/lakelab/hive /tmp/emr/s3/{BUCKET}/",
            *scripts,
            "chmod -R +x /tmp/bin",
            "export PATH=/tmp/bin:$PATH",
            f"exec python -m services.aws.server embedded --port {ENDPOINT_PORT}",
        ]
    )
    mounts = _mounts({name: f"/opt/lakelab/{name}" for name in ("services", "lakelab", "hive")})
    variables = _variables({**KEYS, "EMR_HOME": "/tmp/emr"})
    started = subprocess.run(
        ["docker", "run", "--detach", "--rm", "--network=none", *variables, *mounts, image("lab"), "sh", "-c", serve],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    container = started.stdout.strip()
    healthy = ["healthy.sh", "--once", "page", str(ENDPOINT_PORT), "/health"]
    try:
        poll_until(lambda: _succeeds("docker", "exec", container, *healthy), "the endpoint to be well", 60)
        yield f"container:{container}"
    finally:
        subprocess.run(["docker", "kill", container], capture_output=True, check=False)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _mounts(folders: Mapping[str, str]) -> list[str]:
    return [f"--volume={REPOSITORY / own}:{inside}:ro" for own, inside in folders.items()]


def _variables(environment: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in environment.items()]
