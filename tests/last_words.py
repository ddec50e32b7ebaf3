"""What is printed with a test that failed on a live stack: the last log lines of the services that it concerns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.stack.compose import Compose, Container
from lakelab.errors import LabError

LINES = 20


def last_words(stack: Compose, said: str) -> str:
    """The lines, a heading before each service's. said: the test's name and its error."""
    try:
        containers = stack.containers()
        return "\n".join(_of(stack, service, containers) for service in concerned(containers, said))
    except LabError as error:
        return str(error)


def concerned(containers: Sequence[Container], said: str) -> list[str]:
    """The services that are not well or that the test speaks of; the one that runs the pipeline where there is none."""
    ill = {container.service for container in containers if not container.well}
    words = set(re.findall(r"[a-z0-9]+", said.lower()))
    named = {container.service for container in containers} & words
    return sorted(ill | named) or ["airflow"]


def _of(stack: Compose, service: str, containers: Sequence[Container]) -> str:
    states = ", ".join(f"{c.state} {c.health}".strip() for c in containers if c.service == service) or "not there"
    return f"{service} ({states}):\n{stack.last_lines(service, LINES)}"
