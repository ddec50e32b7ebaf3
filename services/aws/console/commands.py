"""Commands as text: what a step ran, and the AWS CLI's line that adds the step again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from services.aws.emr import failure
from services.aws.emr.jars import COMMAND_RUNNER

_OWN = ("Jar", "Args", "MainClass")


def ran(config: Mapping[str, Any]) -> str:
    """The command of a step's Config, with what looks secret in it hidden, as in the controller's log."""
    jar, args = config["Jar"], config.get("Args", ())
    argv = list(args) if jar.endswith(COMMAND_RUNNER) else [jar, *_some(config.get("MainClass")), *args]
    return shlex.join(failure.printable(argv))


def add_steps(cluster_id: str, step: Mapping[str, Any], region: str, endpoint: str) -> str | None:
    """The line for a shell, whole: nothing is hidden in it. None when the CLI cannot say it: it takes the properties
    of a JAR as text in which a comma always ends one.
    """
    config = step["Config"]
    properties = config.get("Properties") or {}
    if any("," in text for pair in properties.items() for text in pair):
        return None
    again = {
        "Type": "CUSTOM_JAR",
        "Name": step["Name"],
        "ActionOnFailure": step["ActionOnFailure"],
        **{name: config[name] for name in _OWN if config.get(name)},
    }
    if properties:
        again["Properties"] = ",".join(f"{name}={value}" for name, value in properties.items())
    role = step.get("ExecutionRoleArn")
    return shlex.join(
        [
            *("aws", "emr", "add-steps", "--endpoint-url", endpoint, "--region", region, "--cluster-id", cluster_id),
            *(("--execution-role-arn", role) if role else ()),
            *("--steps", json.dumps([again], ensure_ascii=False, separators=(",", ":"))),
        ]
    )


def _some(value: str | None) -> list[str]:
    return [value] if value else []
