"""`lab market …`: the stream of moving averages."""

from __future__ import annotations

import sys

import click


@click.group()
def market() -> None:
    """Quotes of the market."""


@market.group()
def stream() -> None:
    """Moving averages of the quotes: a Spark stream as a step of an EMR cluster. It takes half of a worker's memory."""


@stream.command("start")
def stream_start() -> None:
    """Start it on a cluster of its own; it goes on where it was."""
    from lab.live.commands import running_stack
    from lab.live.market import start

    stack = running_stack()
    running = start(stack.emr, stack.settings)
    click.echo(f"{running.step} of {running.cluster} runs. In half a minute: lab market stream status, or")
    click.echo("SELECT * FROM lake_market.averages, or GET /api/quotes/SUPI/averages")


@stream.command("stop")
def stream_stop() -> None:
    """Cancel its step; its cluster ends."""
    from lab.live.commands import running_stack
    from lab.live.market import stop

    ended = stop(running_stack().emr)
    click.echo(f"{ended.step} of {ended.cluster} is {ended.state}")


@stream.command("status")
def stream_status() -> None:
    """Its step, its application of YARN, and what the tables have. Not zero when it does not run."""
    from lab.live.commands import running_stack
    from lab.live.market import application, figures, find, lines

    stack = running_stack()
    running = find(stack.emr)
    app = application(f"http://127.0.0.1:{stack.environment.port('YARN_PORT')}", running) if running else ""
    with stack.warehouse("lake_market") as hive:
        found = figures(hive)
    for line in lines(running, app, found):
        click.echo(line)
    sys.exit(0 if running and running.state == "RUNNING" else 1)
