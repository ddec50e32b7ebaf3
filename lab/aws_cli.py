"""`lab aws …`: the AWS CLI on the lab's endpoint, with the lab's keys.

Its `emr` commands read no address from the environment: they want `--endpoint-url`, which is given here.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from lab.embedded.place import Place
from lab.emr_serve import keys, served_at
from lab.stack.environment import env_path
from lab.stack.place import HOST, Stack
from lakelab.errors import LabError

REGION = "eu-west-1"
# Of the global options, those that take no value; `aws help` lists them all.
_SWITCHES = {"--debug", "--no-verify-ssl", "--no-paginate", "--no-sign-request", "--version"}
# What a user's own account may have left in the environment, and would win over the lab's keys or address.
_OTHERS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_REGION")


@dataclass(frozen=True)
class Target:
    """An endpoint and who asks it."""

    address: str
    region: str
    access_key: str
    secret_key: str

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The variables that the CLI is started with."""
        kept = {name: value for name, value in inherited.items() if name not in _OTHERS}
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def run(arguments: Sequence[str], place: Place, *, on_stack: bool) -> NoReturn:
    """Become the AWS CLI. LabError when it is not installed, or no endpoint runs."""
    if importlib.util.find_spec("awscli") is None:
        raise LabError("the AWS CLI is not installed", fix="run `make up`, or `make serve` for an EMR without a stack")
    target = choose(service_of(arguments), place, on_stack=on_stack)
    command = [sys.executable, "-m", "awscli", "--endpoint-url", target.address, *arguments]
    os.execve(sys.executable, command, target.environment(os.environ))


def service_of(arguments: Iterable[str]) -> str:
    """The service that a command line is for: `emr` of `--output text emr list-clusters`; "" without one."""
    left = iter(arguments)
    for word in left:
        if not word.startswith("--"):
            return word
        if "=" not in word and word not in _SWITCHES:
            next(left, None)  # its value
    return ""


def choose(service: str, place: Place, *, on_stack: bool) -> Target:
    """`lab emr serve` where it runs and the service is EMR, else the stack. LabError when neither can answer."""
    served = None if on_stack else served_at(place)
    if served and service == "emr":
        return Target(served, REGION, *keys(place))
    stack = _running_stack()
    if stack:
        values = stack.environment
        return Target(stack.aws_url, values["AWS_REGION"], values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])
    if served:
        raise LabError(f"`lab emr serve` has no {service or 'service but EMR'}", where=served, fix="run `make up`")
    if on_stack:
        raise LabError("the stack does not run", where=str(env_path()), fix="run `make up`")
    raise LabError("no AWS endpoint runs", fix="run `make up`, or `make serve` for an EMR without a stack")


def _running_stack() -> Stack | None:
    """The stack of this clone if somebody listens at its address."""
    if not env_path().exists():
        return None
    stack = Stack.of_this_clone()
    try:
        with socket.create_connection((HOST, stack.environment.port("AWS_PORT")), timeout=5):
            return stack
    except OSError:
        return None
