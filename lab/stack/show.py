"""`lab stack status` and `lab stack urls`: tables of what runs, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from lab.stack import compose
from lab.stack.addresses import HALVES, NIFI, Address, filled
from lab.stack.compose import Compose, Container

_UNITS = {"B": 1, "kB": 1000, "KiB": 1024, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}


@dataclass(frozen=True)
class Memory:
    """Bytes in use and the limit of one container."""

    used: float
    limit: float


def status(stack: Compose, console: Console) -> bool:
    """Print health, memory against limit and address of every container; returns whether all are well."""
    containers = stack.containers()
    if not containers:
        console.print("The stack is down: make up", highlight=False)
        return False
    memory = memory_of([container for container in containers if container.state == "running"])
    urls = {address.service: address.url for address in filled(stack.environment.values)}
    table = Table(
        "service",
        "state",
        "memory MB",
        "limit MB",
        "address",
        box=None,
        padding=(0, 2, 0, 0),
        title=f"stack {stack.environment.project}",
    )
    table.columns[4].overflow = "fold"
    for column in (2, 3):
        table.columns[column].justify = "right"
    for container in containers:
        used = memory.get(container.id)
        figures = [_megabytes(used.used), _megabytes(used.limit)] if used else ["", ""]
        table.add_row(container.service, _state(container), *figures, urls.get(container.service, ""))
    table.add_section()
    table.add_row("all", "", _megabytes(sum(m.used for m in memory.values())), "", "")
    console.print(table)
    halves = compose.kept_halves()
    for service in sorted(set(Compose(stack.environment, halves).services) - {c.service for c in containers}):
        console.print(f"{service}: not there; make up", highlight=False)
    for half in sorted(set(HALVES) - set(halves)):
        console.print(f"The half `{half}` was not asked for: make up starts both.", highlight=False)
    if NIFI not in halves:
        console.print("NiFi was not asked for: make up NIFI=1 starts it, too.", highlight=False)
    return all(container.well for container in containers)


def _state(container: Container) -> str:
    if container.state == "exited":
        return "[green]done" if container.exit_code == 0 else f"[red]ended with {container.exit_code}"
    colour = "green" if container.well else "red" if container.health == "unhealthy" else "yellow"
    return f"[{colour}]{container.health or container.state}"


def memory_of(containers: Sequence[Container]) -> dict[str, Memory]:
    """Memory by container id, as the engine's own statistics have it (without the page cache)."""
    if not containers:
        return {}
    form = "{{json .}}"
    lines = compose.docker("stats", "--no-stream", "--no-trunc", "--format", form, *(c.id for c in containers))
    found = {}
    for line in lines.splitlines():
        record = json.loads(line)
        used, _, limit = record["MemUsage"].partition(" / ")
        found[record["ID"]] = Memory(to_bytes(used), to_bytes(limit))
    return found


def memory_by_service(containers: Sequence[Container]) -> dict[str, float]:
    """Bytes in use by each service that runs, by all its containers."""
    running = [container for container in containers if container.state == "running"]
    used, found = memory_of(running), dict[str, float]()
    for container in running:
        if container.id in used:  # it may have ended between the two questions
            found[container.service] = found.get(container.service, 0.0) + used[container.id].used
    return found


def to_bytes(text: str) -> float:
    """`54.3MiB` as a number of bytes."""
    number, unit = re.fullmatch(r"([\d.]+)\s*(\w+)", text.strip()).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def _megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f}"


def urls(addresses: Sequence[Address], console: Console) -> None:
    """Print every address with its login and what it is for; whole lines, so that they can be copied."""
    for address in addresses:
        login = f"   user {address.user}" if address.user else ""
        login += f"   password {address.password}" if address.password else ""
        for line in (f"{address.name:14} {address.url}{login}", f"{'':14} {address.purpose}"):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
