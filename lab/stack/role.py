"""What the roles of image `lakelab/lab` share: clients made from the container's environment, and one-line errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from lakelab import aws
from lakelab.errors import LabError


def run(role: Callable[[], str]) -> None:
    """Do the role's work and print what came of it; an error of the lab is one line and exit code 1."""
    try:
        print(role(), flush=True)
    except LabError as error:
        print(f"lab: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


def need(name: str) -> str:
    """A variable of the container; LabError when it is not set."""
    value = os.environ.get(name)
    if not value:
        raise LabError(f"{name} is not set", where="environment", fix="start the service with `make up`")
    return value


def aws_client(service: str) -> Any:
    """A boto3 client by the container's variables, with tries enough for a proxy that is just being started again."""
    return aws.aws_client(service, region=need("AWS_REGION"), tries=6)
