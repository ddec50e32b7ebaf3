"""Settings of the endpoint's servers, read from the environment by functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakelab.errors import LabError


def console_port(environment: Mapping[str, str]) -> int:
    """Where the console listens in the stack; Nginx leads only people with a login there."""
    return int(environment.get("CONSOLE_PORT", "4567"))


def lab_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The secret key of each access key: for now the lab has one. LabError when it is not set."""
    return {_need(environment, "AWS_ACCESS_KEY_ID"): _need(environment, "AWS_SECRET_ACCESS_KEY")}


@dataclass(frozen=True)
class EmrSettings:
    """Where the EMR engine finds what it works with."""

    database: str  # libpq connection string of its state
    place: Path  # the folder that it shares with the primary node
    s3_endpoint: str  # address of the S3 API for scripts and logs
    region: str
    account: str  # in ARNs; moto's own, so that all services name the same
    resource_manager: str | None  # address of YARN, whose shares clusters get; None: their nodes are remembered


def emr_settings(environment: Mapping[str, str]) -> EmrSettings:
    """LabError names a variable that is missing."""
    return EmrSettings(
        database=_need(environment, "EMR_DATABASE"),
        place=Path(environment.get("EMR_HOME", "/var/lib/emr")),
        s3_endpoint=_need(environment, "S3_ENDPOINT"),
        region=environment.get("AWS_REGION", "eu-west-1"),
        account=environment.get("AWS_ACCOUNT_ID", "123456789012"),
        resource_manager=environment.get("YARN_RESOURCE_MANAGER") or None,
    )


@dataclass(frozen=True)
class ConsoleSettings:
    """port: where the console listens alone; None: where the endpoint does.  endpoint: its address for clients."""

    key: str  # whoever has it may use the console
    endpoint: str
    port: int | None = None


def console_settings(environment: Mapping[str, str]) -> ConsoleSettings:
    """The stack's. LabError names a variable that is missing."""
    key, endpoint = _need(environment, "CONSOLE_KEY"), _need(environment, "CONSOLE_ENDPOINT")
    return ConsoleSettings(key, endpoint, console_port(environment))


def _need(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise LabError(f"{name} is not set", where="the environment of the AWS endpoint", fix="run `lab stack env`")
    return value
