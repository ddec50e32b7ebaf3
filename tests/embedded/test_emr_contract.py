"""The contract suite on the stack's engine without its containers: Postgres, S3 over HTTP, steps under a node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import boto3
import pytest
from demo_lab import free_port
from polling import poll_until

from lakelab.settings import REPOSITORY
from services.aws.emr import node

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIALAKELABCONTRACT2",
    "AWS_SECRET_ACCESS_KEY": "a-secret/of+the=tests-and-of-nobody-else",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.mark.timeout(600)
def test_the_suite_holds_on_the_stacks_engine(database: str, tmp_path: Path) -> None:
    s3, endpoint, console = free_port(), free_port(), free_port()
    place = tmp_path / "emr"
    settings = {
        "EMR_DATABASE": database, "EMR_HOME": str(place), "S3_ENDPOINT": f"http://127.0.0.1:{s3}",
        "AWS_REGION": KEYS["AWS_DEFAULT_REGION"], "CONSOLE_PORT": str(console), "CONSOLE_KEY": "nobody-looks",
        "CONSOLE_ENDPOINT": f"http://127.0.0.1:{endpoint}",
    }  # fmt: skip
    with ExitStack() as running:
        log = running.enter_context((tmp_path / "log").open("w"))

        def serve(*arguments: str) -> None:
            running.enter_context(_process(list(arguments), {**settings, **KEYS}, log.fileno()))

        serve("moto.server", "-p", str(s3))
        serve("services.aws.emr.node", str(place))
        poll_until(lambda: _answers(s3, "/moto-api/"), "moto to answer", 60)
        poll_until(lambda: node.ping(place) == 0, "the node to answer", 60)
        _client("s3", s3).create_bucket(
            Bucket="contract", CreateBucketConfiguration={"LocationConstraint": KEYS["AWS_DEFAULT_REGION"]}
        )
        serve("services.aws.server", "aws", "--host", "127.0.0.1", "--port", str(endpoint))
        poll_until(lambda: _answers(endpoint, "/health"), "the endpoint to be well", 60)
        addresses = {
            "LAB_CONTRACT_ENDPOINT": f"http://127.0.0.1:{endpoint}", "LAB_CONTRACT_BUCKET": "contract",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{s3}",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract"],
            cwd=REPOSITORY, env={**os.environ, **KEYS, **addresses}, capture_output=True, text=True, timeout=560,
            check=False,
        )  # fmt: skip
        logs = _client("s3", s3).list_objects_v2(Bucket="contract", Prefix="contract/logs/")["KeyCount"]

    assert done.returncode == 0, done.stdout[-4000:]
    assert logs >= 40  # four of each step that ran, by way of S3


@contextmanager
def _process(arguments: list[str], variables: dict[str, str], log: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables}, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _client(service: str, port: int) -> boto3.client:
    return boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{port}", region_name=KEYS["AWS_DEFAULT_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def _answers(port: int, page: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", page)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
