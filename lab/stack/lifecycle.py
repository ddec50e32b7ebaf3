"""Starting and stopping the stack, and saying in a line or two why it did not start."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping

from rich.console import Console

from lab.ports import is_free
from lab.stack import compose
from lab.stack.addresses import HALVES
from lab.stack.compose import Compose, Container
from lab.stack.environment import change_ports, ensure_environment, read_environment
from lakelab.errors import LabError

START_SECONDS = 600  # on a machine that is busy with other things, too


def up(console: Console, workers: int | None = None, profiles: tuple[str, ...] = HALVES) -> Compose:
    """Start everything and wait until all of it is well. Started already, nothing is disturbed.

    workers: nodes of YARN and HDFS, as many as the last time by default.  profiles: what to start; what runs of the
    others is stopped.
    LabError: no engine, images missing, or a service that does not come up, after its last log lines.
    """
    compose.require_engine()
    stack = Compose(ensure_environment(), profiles)
    missing = stack.missing_images()
    if missing:
        raise LabError(f"{len(missing)} images are not built yet", where=", ".join(missing), fix="run `make build`")
    taken = taken_ports(stack, stack.containers())
    if taken:
        raise _taken(stack, taken)
    scale = _scale(workers)
    _stop_others(stack)
    compose.keep_halves(profiles)
    wait = ["--wait", "--wait-timeout", str(START_SECONDS)]
    if stack.run("up", *wait, "--detach", "--no-build", "--remove-orphans", *_of(stack, scale)):
        raise _why(stack, console)
    return stack


def _stop_others(stack: Compose) -> None:
    """Stop and remove the containers of the halves that were not asked for; their data stays."""
    whole = Compose(stack.environment)
    others = {container.service for container in whole.containers()} - set(stack.services)
    others &= set(whole.services)
    if others:
        _succeed(whole.run("rm", "--stop", "--force", *sorted(others)), "rm")


def _of(stack: Compose, scale: list[str]) -> list[str]:
    """Without services that this half does not have."""
    return [option for option in scale if option.partition("=")[2].partition("=")[0] in stack.services]


def _scale(workers: int | None) -> list[str]:
    """How many of each node. A datanode is never taken away, as its blocks are on it alone; `reset` begins anew."""
    kept = compose.stack_folder() / "workers"
    former = [int(number) for number in kept.read_text().split()] if kept.exists() else [1, 1]
    nodes = [workers or former[0], max(workers or 1, former[1])]
    if nodes != former:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{nodes[0]} {nodes[1]}\n")
    return [f"--scale={name}={count}" for name, count in zip(("nodemanager", "datanode"), nodes, strict=True)]


def _why(stack: Compose, console: Console) -> LabError:
    """What kept the stack from starting; prints the last log lines of what failed."""
    containers = stack.containers()
    failed = [container for container in containers if _failed(container)]
    for container in failed:
        print_last_lines(stack, container.service, console)
    for service in sorted(_needed(stack, {container.service for container in failed})):
        print_last_lines(stack, service, console)
    if failed:
        names = ", ".join(_in_words(container) for container in failed)
        return LabError(f"the stack did not start: {names}", fix="read the lines above, or `make logs`")
    taken = taken_ports(stack, containers)
    if taken:
        return _taken(stack, taken)
    waiting = [container.service for container in containers if not container.well]
    what = f"{', '.join(waiting)} not ready" if waiting else "Compose gave up"
    return LabError(f"the stack did not start: {what}", fix="read `make logs`, then `make up` again")


def _needed(stack: Compose, failed: set[str]) -> set[str]:
    """What the failed services need, as Compose knows it: often the reason is there."""
    waited = [wanted for service in failed for wanted in stack.services[service].get("depends_on", {}).items()]
    return {name for name, how in waited if how.get("required", True)} - failed


def _failed(container: Container) -> bool:
    if container.state in ("exited", "dead"):
        return container.exit_code != 0
    return container.health == "unhealthy" or container.state == "restarting"


def _in_words(container: Container) -> str:
    if container.state in ("exited", "dead"):
        return f"{container.service} ended with {container.exit_code}"
    return f"{container.service} is {container.health if container.state == 'running' else container.state}"


def print_last_lines(stack: Compose, service: str, console: Console) -> None:
    console.print(f"[bold]{service}[/], last lines of its log:", highlight=False)
    console.print(stack.last_lines(service) or "(nothing)", highlight=False, markup=False, soft_wrap=True)


def taken_ports(stack: Compose, containers: Iterable[Container]) -> dict[str, int]:
    """Ports that the services of the stack would have and another program has: a stack that is down keeps none.

    Those of services that run are ours.
    """
    running = {container.service for container in containers if container.state == "running"}
    wanted = {
        int(port["published"])
        for name, service in stack.services.items()
        if name not in running
        for port in service.get("ports", ())
    }
    return {name: port for name, port in stack.environment.ports.items() if port in wanted and not is_free(port)}


def _taken(stack: Compose, taken: Mapping[str, int]) -> LabError:
    """Which ports, who has them as far as the engine knows, and what to do."""
    holders = {port: compose.docker("ps", "--filter", f"publish={port}", "--format", "{{.Names}}", check=False)
               for port in taken.values()}  # fmt: skip
    told = [
        f"{name} {port} by {' '.join(holders[port].split()) or 'a program that is no container'}"
        for name, port in taken.items()
    ]
    one = "this port is" if len(told) == 1 else "these ports are"
    return LabError(
        f"{one} taken: {', '.join(told)}",
        where=str(stack.environment.path),
        fix="stop that, or `lab stack env --new-ports` chooses others; then again",
    )


def new_ports() -> dict[str, int]:
    """Choose others for the ports that another program has; returns those that changed, with their new numbers."""
    compose.require_engine()
    stack = Compose(read_environment())
    return change_ports(stack.environment, taken_ports(stack, stack.containers()))


def down() -> None:
    """Stop everything and remove the containers; data stays."""
    compose.require_engine()
    _succeed(Compose(read_environment()).run("down", "--remove-orphans"), "down")


def reset() -> list[str]:
    """Stop everything and delete the stack's data; images, ports and passwords stay. Returns the deleted volumes."""
    compose.require_engine()
    stack = Compose(read_environment())
    label = f"label=com.docker.compose.project={stack.environment.project}"
    volumes = compose.docker("volume", "ls", "--quiet", "--filter", label).split()
    # Nothing is lost by not waiting for a clean end: what would be saved is deleted.
    _succeed(stack.run("down", "--volumes", "--remove-orphans", "--timeout", "0"), "down --volumes")
    shutil.rmtree(compose.stack_folder(), ignore_errors=True)
    return volumes


def logs(services: tuple[str, ...], *, follow: bool, tail: str) -> None:
    compose.require_engine()
    stack = Compose(read_environment())
    unknown = [name for name in services if name not in stack.services]
    if unknown:
        raise LabError(f"no service {unknown[0]}", fix=f"one of {', '.join(sorted(stack.services))}")
    _succeed(stack.run("logs", "--tail", tail, *(["--follow"] if follow else []), *services), "logs")


def _succeed(code: int, what: str) -> None:
    if code:
        sys.stdout.flush()
        raise LabError(f"docker compose {what} ended with {code}", fix="read the lines above")
