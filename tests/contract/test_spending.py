"""On AWS the suite asks before it costs anything, and leaves nothing behind that goes on costing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from endpoint import opened

from lakelab.settings import REPOSITORY


def test_nothing_is_asked_of_aws_before_somebody_says_that_it_may_cost(tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAB_"))}
    variables |= {"LAB_CONTRACT_ENDPOINT": "aws", "LAB_CONTRACT_BUCKET": "some-bucket"}
    # Were it to go on, it would meet a wall and not AWS.
    wall = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/contract/test_releases.py", "-q", "-x", "-p", "no:cacheprovider"],
        env={**variables, **wall}, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert "starts some thirty clusters of one to five m5.xlarge in your account" in done.stdout
    assert "LAB_CONTRACT_SPEND=yes" in done.stdout


def test_clusters_of_a_killed_run_are_ended_and_nobody_else_s(tmp_path: Path) -> None:
    with opened(tmp_path) as aws:
        if aws.storage is None:
            return  # an endpoint of somebody's own: what lives there stays
        forgotten = aws.waiting()
        somebody_s = aws.waiting(LogUri=f"s3://{aws.bucket}/lake/")

        assert aws.clean() == [forgotten]

        aws.reach(forgotten, "TERMINATED")
        assert aws.status(somebody_s)["State"] == "WAITING"
        aws.terminate(somebody_s)
