"""The stores that the one contract of `Storage` is held to, each with bucket `lab` and without bucket `other`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from lakelab.s3 import S3Storage
from lakelab.storage import FolderStorage


def folder_storage(tmp_path) -> FolderStorage:
    found = FolderStorage(tmp_path)
    found.create_bucket("lab")
    return found


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """The address of an S3 API on loopback, which keeps objects in memory."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(endpoint: str):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@contextlib.contextmanager
def s3_storage(endpoint: str) -> Iterator[S3Storage]:
    client = s3_client(endpoint)
    client.create_bucket(Bucket="lab", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    storage = S3Storage(client)
    yield storage
    storage.delete("s3://lab")
    client.delete_bucket(Bucket="lab")
    client.close()
