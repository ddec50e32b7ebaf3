"""Running a script of this folder inside the stack's Airflow image, without a network."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakelab.settings import REPOSITORY

OURS = {
    "dags": "/opt/lakelab/dags",
    "lakelab": "/opt/lakelab/lakelab",
    "services/airflow/records.py": "/opt/airflow/lab/records.py",
}


def image() -> str:
    pinned = re.search(r"^LAKELAB_TAG=(.+)$", (REPOSITORY / "compose" / "versions.env").read_text(), re.MULTILINE)
    assert pinned
    return f"lakelab/airflow:{pinned[1]}"


def run_inside(script: str, environment: Mapping[str, str]) -> Any:
    """What the script writes as JSON in its last line; it reads the repository's own files, not the image's."""
    mounts = [f"--volume={REPOSITORY / own}:{inside}:ro" for own, inside in OURS.items()]
    variables = [f"--env={name}={value}" for name, value in environment.items()]
    done = subprocess.run(
        ["docker", "run", "--rm", "-i", "--network=none", *variables, *mounts, image(), "python", "-"],
        input=Path(__file__).with_name(script).read_text(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
