"""Clients of AWS, or of whatever stands at its endpoint. boto3 is imported when the first one is made."""

from __future__ import annotations

from typing import Any

_CONNECT_SECONDS, _READ_SECONDS = 5, 30


def aws_client(
    service: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    keys: tuple[str, str] | None = None,
    tries: int = 5,
) -> Any:
    """A boto3 client. What is not given is taken from the variables of AWS' own tools: AWS_ENDPOINT_URL and so on.

    S3 is addressed by path, as a local store has no host name for each bucket.  keys: access key and secret key.
    tries: of a call that finds nobody, with up to 1, 2, 4, … seconds between.
    """
    import boto3
    from botocore.config import Config

    access_key, secret_key = keys or (None, None)
    config = Config(
        s3={"addressing_style": "path"}, connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": tries},
    )  # fmt: skip
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region,
        aws_access_key_id=access_key, aws_secret_access_key=secret_key, config=config,
    )  # fmt: skip
