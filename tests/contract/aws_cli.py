"""The AWS CLI, version 1, as a user starts it: a process with an address and keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from endpoint import Endpoint

KEYS = {
    "region_name": "AWS_DEFAULT_REGION",
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
}


@dataclass(frozen=True)
class Cli:
    """`aws emr …` on the endpoint of the suite."""

    aws: Endpoint

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = self.aws.options
        address = ["--endpoint-url", options["endpoint_url"]] if self.aws.ours else []
        given = {variable: options[name] for name, variable in KEYS.items() if name in options}
        return subprocess.run(
            [sys.executable, "-m", "awscli", *address, "--output", "json", "emr", *arguments],
            env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **given},
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def __call__(self, *arguments: str) -> Any:
        """What the command prints, read as JSON; None when it prints nothing."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"aws emr {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *arguments: str) -> str:
        """What a command says that does not succeed."""
        done = self.run(*arguments)
        assert done.returncode != 0, f"aws emr {' '.join(arguments)} succeeded: {done.stdout}"
        assert "Traceback" not in done.stderr
        return done.stderr.strip()
