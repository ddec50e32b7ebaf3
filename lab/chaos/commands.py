"""`lab chaos`: kills, shown as they happen, and what came of them."""

from __future__ import annotations

import sys

import click
from rich.console import Console


@click.command()
@click.argument("services", nargs=-1)
@click.option("--kills", type=click.IntRange(1, 200), help="How many. [default: one of each service]")
@click.option(
    "--every", type=click.FloatRange(0, 600), default=2.0, show_default=True, help="Seconds of peace between."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another order.")
def chaos(services: tuple[str, ...], kills: int | None, every: float, seed: int) -> None:
    """Kill servers of the running stack under load, and prove that nothing is lost, doubled or out of order.

    SERVICES are those to choose from; without any, all that real time stands on. The load changes rows of its own in
    the ERP and posts events to the API; the rows are taken away at the end. Not zero when something is wrong.
    """
    from lab.chaos import run
    from lab.live.commands import running_stack, status_of

    stack, console = running_stack(), Console(highlight=False)
    names = run.victims(stack.compose, services)
    order = run.plan(names, kills or len(names), seed)
    run.until_read(lambda: status_of(stack), console.print)
    console.print(f"{len(order)} kills, and load beside them: changes in the ERP, events at the API")

    def seen(killed: run.Killed) -> None:
        console.print(f"{killed.after:6.0f} s  {killed.service:18} killed, well again after {killed.away:.1f} s")

    outcome = run.run(stack, order, every, seed, seen)
    console.print(
        f"{outcome.transactions:,} transactions ({outcome.unsure} without an answer), "
        f"{outcome.events:,} events ({outcome.again} posts repeated)"
    )
    for line in outcome.wrong:
        console.print(f"[bold red]✗[/] {line}")
    if not outcome.wrong:
        console.print("[bold green]✓[/] none lost, none doubled, all in order; now: lab verify --live")
    sys.exit(1 if outcome.wrong else 0)
