"""`docker compose` on the stack's files, and what can be asked of the engine beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.stack.addresses import HALVES, PROFILES
from lab.stack.environment import Environment, env_path
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

FILE = REPOSITORY / "compose" / "compose.yaml"
VERSIONS = REPOSITORY / "compose" / "versions.env"
OLDEST_COMPOSE = (2, 20, 2)  # the first with `include`, and with dependencies on services that need not be there
NO_ENGINE = "run `make engine` to install and start one, or `make demo`, which needs none"

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # what moves a terminal's cursor or colours its text

Description = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """A container of the stack as `docker compose ps` tells of it. health is "" where there is no check."""

    id: str
    name: str
    service: str
    state: str
    health: str
    exit_code: int

    @property
    def well(self) -> bool:
        """Healthy, or running without a check, or a job that ended with 0."""
        if self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")


@dataclass(frozen=True)
class Compose:
    """The stack of one environment: all of it, or one half."""

    environment: Environment
    profiles: tuple[str, ...] = PROFILES

    @property
    def command(self) -> list[str]:
        """What every call begins with."""
        files = ["-f", str(FILE), "--env-file", str(VERSIONS), "--env-file", str(self.environment.path)]
        halves = [word for profile in self.profiles for word in ("--profile", profile)]
        return ["docker", "compose", *files, *halves, "-p", self.environment.project]

    @cached_property
    def variables(self) -> dict[str, str]:
        """The environment of the calls: variables of the shell must not win over what the files say."""
        ours = {*self.environment.values, *versions(), "COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES"}
        found = {name: value for name, value in os.environ.items() if name not in ours}
        return {**found, "STACK_PROFILES": ",".join(self.profiles)}

    def run(self, *arguments: str) -> int:
        """Run with the terminal as it is; returns the exit code."""
        return subprocess.run([*self.command, *arguments], env=self.variables, check=False).returncode

    def output(self, *arguments: str) -> str:
        """What a call prints. LabError with its last words when it fails."""
        done = subprocess.run(
            [*self.command, *arguments], env=self.variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise failed(done, f"docker compose {arguments[0]}")
        return done.stdout

    @cached_property
    def description(self) -> Description:
        """The whole stack with every variable filled in, as Compose itself reads it. Needs no engine."""
        found: Description = json.loads(self.output("config", "--format", "json"))
        return found

    @property
    def services(self) -> dict[str, Description]:
        found: dict[str, Description] = self.description["services"]
        return found

    def images(self) -> dict[str, str]:
        """Each image and a service that builds it, in the order of the files."""
        found: dict[str, str] = {}
        for name, service in self.services.items():
            if "build" in service:
                found.setdefault(service["image"], name)
        return found

    def missing_images(self) -> list[str]:
        wanted = {service["image"] for service in self.services.values()}
        return sorted(image for image in wanted if not image_exists(image))

    def containers(self) -> list[Container]:
        """Every container of the stack, also those that have ended."""
        lines = self.output("ps", "--all", "--no-trunc", "--format", "json").splitlines()
        records = [record for line in lines if line.strip() for record in _records(json.loads(line))]
        found = [
            Container(r["ID"], r["Name"], r["Service"], r["State"], r.get("Health", ""), int(r.get("ExitCode", 0)))
            for r in records
        ]
        return sorted(found, key=lambda container: container.name)

    def authority(self) -> str:
        """The certificate of the lab's CA, by which clients know the entrance. LabError where Nginx does not run."""
        return self.output("exec", "-T", "nginx", "cat", "/var/lib/entrance/ca.crt")

    def last_lines(self, service: str, count: int = 20) -> str:
        text = self.output("logs", "--no-color", "--no-log-prefix", "--tail", str(count), service)
        return _ESCAPES.sub("", text).rstrip()


def versions() -> dict[str, str]:
    """What compose/versions.env pins."""
    lines = VERSIONS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def image_tag(environment: Environment) -> str:
    """The tag of the images that this stack is made of."""
    return environment.values.get("LAKELAB_TAG") or versions()["LAKELAB_TAG"]


def docker(*arguments: str, check: bool = True, variables: Mapping[str, str] | None = None) -> str:
    """What `docker …` prints. LabError with its last words when it fails; "" instead without `check`."""
    try:
        done = subprocess.run(["docker", *arguments], env=variables, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError("there is no Docker here", fix=NO_ENGINE) from None
    if done.returncode and check:
        raise failed(done, f"docker {arguments[0]}")
    return "" if done.returncode else done.stdout.strip()


def inspect(container: Container) -> Description:
    """All that the engine knows of a container. A fraction of the work that Compose takes to list them."""
    found: Description = json.loads(docker("inspect", container.id))[0]
    return found


def failed(done: subprocess.CompletedProcess[str], what: str) -> LabError:
    said = [line for line in done.stderr.splitlines() if line.strip()]
    if any("Cannot connect to the Docker daemon" in line for line in said):
        return LabError("no Docker engine answers", where=engine_address(), fix=NO_ENGINE)
    return LabError(f"{what} failed: {said[-1] if said else f'exit code {done.returncode}'}")


def engine_address() -> str:
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


def require_engine() -> None:
    """LabError unless an engine answers and Compose is new enough."""
    if not shutil.which("docker"):
        raise LabError("there is no Docker here", where="PATH", fix=NO_ENGINE)
    docker("version", "--format", "{{.Server.Version}}")
    require_compose()


def require_compose() -> None:
    found = compose_version()
    if found is None:
        raise LabError("Docker has no Compose here", where="docker compose version", fix="run `make engine`")
    if found < OLDEST_COMPOSE:
        text = ".".join(map(str, found))
        raise LabError(f"Compose {text} is too old", where="docker compose version", fix="run `make engine`")


def compose_version() -> tuple[int, ...] | None:
    """The version of the Compose plugin; None where there is none."""
    text = docker("compose", "version", "--short", check=False).lstrip("v")
    numbers = text.split("-")[0].split("+")[0].split(".")
    return tuple(int(number) for number in numbers) if text and all(n.isdigit() for n in numbers) else None


def image_exists(image: str) -> bool:
    return bool(docker("image", "inspect", "--format", "{{.Id}}", image, check=False))


def keep_halves(halves: tuple[str, ...]) -> None:
    """Remember which halves were asked for last."""
    kept = stack_folder() / "halves"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(f"{' '.join(halves)}\n", encoding="utf-8")


def kept_halves() -> tuple[str, ...]:
    """What was asked for last, in profiles; both halves before the first start."""
    kept = stack_folder() / "halves"
    found = kept.read_text(encoding="utf-8").split() if kept.exists() else HALVES
    return tuple(profile for profile in PROFILES if profile in found) or HALVES


def _records(data: Any) -> list[Any]:
    """Compose before 2.21 prints one list, later ones a record a line."""
    return data if isinstance(data, list) else [data]


def stack_folder() -> Path:
    """Where what the host makes of the stack lies: the report, logs of builds, the lab's certificate."""
    return env_path().parent / ".lab-stack"
