"""`lab nifi …`: the path of a row, dropping a file, and taking a flow out of the browser into the repository."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lakelab.errors import LabError

if TYPE_CHECKING:
    from lab.live.nifi import Nifi
    from lab.stack.compose import Compose


def stack_compose() -> Compose:
    from lab.stack.compose import Compose
    from lab.stack.environment import read_environment

    return Compose(read_environment())


def stack_nifi() -> Nifi:
    """That of this clone's stack."""
    return by_login(stack_compose())


def by_login(stack: Compose) -> Nifi:
    """By the login, through Nginx, whose certificate is the lab's."""
    from lab.live.nifi import Nifi

    context = ssl.create_default_context(cadata=stack.authority())
    url = f"https://localhost:{stack.environment.port('NIFI_PORT')}"
    return Nifi(url, context, ("admin", stack.environment["NIFI_ADMIN_PASSWORD"]))


@click.group()
def nifi() -> None:
    """NiFi: the path of a row, files to drop, flows to keep."""


@nifi.command("trace")
@click.argument("table")
@click.argument("key")
def nifi_trace(table: str, key: str) -> None:
    """What NiFi did with the changes of one row, as: lab nifi trace students 822491."""
    from lab.live.provenance import trace
    from lakelab import catalogue

    try:
        of = catalogue.table(table)
    except KeyError:
        names = ", ".join(t.name for t in catalogue.TABLES)
        raise LabError(f"no table {table}", fix=f"one of: {names}") from None
    if not re.fullmatch(r"\w+", key):
        raise LabError(f"{key} is no key", fix="give the row's id")
    events = trace(stack_nifi(), of, key)
    if not events:
        raise LabError(f"NiFi knows nothing of {table} {key}", fix="it remembers a day; change the row, then again")
    shown = Table("time", "event", "processor", "topic and offsets", "file", box=None, padding=(0, 2, 0, 0))
    for event in events:
        shown.add_row(event.at.split()[1], event.kind, event.component, event.place, event.object or event.file)
    Console().print(shown)


@nifi.command("drop")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def nifi_drop(file: Path) -> None:
    """Put a CSV file into NiFi's folder; its name begins with a table's: grades.csv, grades-2026-11.csv."""
    stack = stack_compose()
    if not re.fullmatch(r"[\w-][\w.-]*", file.name):
        raise LabError("a name of letters, digits, - and . is wanted", where=file.name, fix="rename the file")
    # Seen whole: a name that begins with a dot is not taken.
    there = f"/var/lib/nifi/drop/{file.name}"
    script = f"cat >'/var/lib/nifi/drop/.{file.name}' && mv '/var/lib/nifi/drop/.{file.name}' '{there}'"
    with file.open("rb") as stream:
        done = subprocess.run(
            [*stack.command, "exec", "-T", "nifi", "sh", "-c", script],
            stdin=stream, env=stack.variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise LabError(f"NiFi's folder is not there: {done.stderr.strip()}", fix="`make up NIFI=1`, then again")
    click.echo(
        f"dropped: see s3://{stack.environment['LAB_BUCKET']}/drop/ for what was taken, drop/_rejects/ for the rest"
    )


@nifi.command("export")
@click.argument("group")
def nifi_export(group: str) -> None:
    """Write a group, as it is in the browser now, into nifi/flows."""
    from lab.live.flow_files import FOLDER
    from lab.live.flows import export

    text = export(stack_nifi(), group)
    (FOLDER / f"{group}.json").write_text(text, encoding="utf-8")
    click.echo(f"nifi/flows/{group}.json: {len(text):,} bytes")
