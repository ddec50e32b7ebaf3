"""`lab stack …`: the stack in Docker Compose. Each command is thin over `docker compose`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from lab.stack.addresses import HALVES, NIFI
from lakelab.errors import LabError


@click.group()
def stack() -> None:
    """The lab in Docker Compose: servers of its own for every part."""


@stack.command()
@click.option("--new-ports", is_flag=True, help="Choose others for the ports that another program has.")
def env(new_ports: bool) -> None:
    """Make .env.local: free ports, random passwords and keys. What is there stays."""
    from lab.stack.environment import ensure_environment

    click.echo(ensure_environment().path)
    if new_ports:
        from lab.stack import lifecycle

        chosen = lifecycle.new_ports()
        told = ", ".join(f"{name} is {port} now" for name, port in chosen.items())
        click.echo(f"{told}; now: make up" if told else "no port is taken by another program")


@stack.command()
@click.argument("images", nargs=-1)
def build(images: tuple[str, ...]) -> None:
    """Build the images, or those named. The first time takes a while."""
    from lab.stack.build import build as build_images

    build_images(Console(), images)


@stack.command()
@click.option("--workers", type=click.IntRange(1, 16), help="Nodes of YARN and HDFS. [default: as the last time, or 1]")
@click.option("--only", type=click.Choice(HALVES), help="This half alone: the other one is stopped.")
@click.option("--nifi", is_flag=True, help="NiFi, too, which takes 0.7 to 1 GB.")
def up(workers: int | None, only: str | None, nifi: bool) -> None:
    """Start both halves and wait until all of it is well."""
    from lab.stack import lifecycle

    if nifi and only == "batch":
        raise LabError("NiFi reads what the live half captures", where="--only batch", fix="leave that out")
    halves = (only,) if only else HALVES
    started = lifecycle.up(Console(), workers, (*halves, NIFI) if nifi else halves)
    port = started.environment["ENTRANCE_PORT"]
    click.echo(f"The stack is up. Start page: https://localhost:{port}/   Logins: make urls   Memory: make status")


@stack.command()
def down() -> None:
    """Stop everything; data stays."""
    from lab.stack import lifecycle

    lifecycle.down()


@stack.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--if-any", is_flag=True, help="Succeed where there is no stack or no engine.")
def reset(yes: bool, if_any: bool) -> None:
    """Stop everything and delete the stack's data. Images, ports and passwords stay."""
    from lab.stack import lifecycle
    from lab.stack.environment import env_path

    if if_any and not _reachable():
        return
    if not yes:
        click.confirm(f"Delete all data of the stack of {env_path()}?", abort=True)
    deleted = lifecycle.reset()
    click.echo(f"stack: deleted {len(deleted)} volumes" if deleted else "stack: there was no data")


@stack.command()
@click.argument("services", nargs=-1)
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now.")
@click.option("--tail", default="100", show_default=True, help="Lines of each service, or all.")
def logs(services: tuple[str, ...], follow: bool, tail: str) -> None:
    """What the services wrote; all of them, or those named."""
    from lab.stack import lifecycle

    lifecycle.logs(services, follow=follow, tail=tail)


@stack.command()
@click.option("--if-any", is_flag=True, help="Say nothing where there is no stack or no engine.")
def status(if_any: bool) -> None:
    """Health, memory against limit, and address of every service. Not zero when one is not well."""
    from lab.stack import compose, show
    from lab.stack.environment import read_environment

    if if_any and not _reachable():
        return
    compose.require_engine()
    well = show.status(compose.Compose(read_environment()), Console())
    sys.exit(0 if well or if_any else 1)


@stack.command()
def urls() -> None:
    """Every address with its login and what it is for."""
    from lab.stack import show
    from lab.stack.addresses import filled
    from lab.stack.environment import read_environment

    show.urls(filled(read_environment().values), Console())


@stack.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("bundle"), show_default=True)
def bundle(out: Path) -> None:
    """One file with all images and Python packages, for machines without a network."""
    from lab.stack.bundle import write_bundle

    write_bundle(out, Console())


def _reachable() -> bool:
    """Whether this clone has a stack and an engine answers."""
    from lab.stack import compose
    from lab.stack.environment import env_path
    from lakelab.errors import LabError

    try:
        compose.require_engine()
    except LabError:
        return False
    return env_path().exists()
