"""`python -m bench.live`: choose parts and counts, see the figures, keep them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import click
from rich.console import Console

from bench import page
from bench.live.calm import until_calm
from bench.measure import Section, Tell
from lab.stack.compose import versions
from lab.stack.place import Stack
from lakelab.errors import LabError

NEEDED = ("connect", "kafka-1", "kafka-2", "lake", "hiveserver2", "api", "nginx", "postgres")
VERSIONS = {
    "KAFKA_VERSION": "Kafka",
    "DEBEZIUM_VERSION": "Debezium",
    "HADOOP_VERSION": "Hadoop",
    "HIVE_VERSION": "Hive",
}
WIDTH = 150  # columns of a log, which has no width of its own
Part = Callable[[Stack, float, Tell], Section]


# Each part is imported when it is run: one that cannot be does not keep the others from it.
def _kafka(stack: Stack, size: float, tell: Tell) -> Section:
    from bench.live.latency import kafka_against_default

    return kafka_against_default(stack, _share(150, size), tell)


def _hive(stack: Stack, size: float, tell: Tell) -> Section:
    from bench.live.queryable import queryable

    return queryable(stack, _share(50, size), tell)


def _changes(stack: Stack, size: float, tell: Tell) -> Section:
    from bench.live.sustained import sustained

    return sustained(stack, _share(20_000, size), _share(2, size), tell)


def _intake(stack: Stack, size: float, tell: Tell) -> Section:
    from bench.live.intake import intake

    return intake(stack, (1, 2, 3) if size >= 1 else (1, 2), _share(2, size), 2.5 * min(size, 1), tell)


def _memory(stack: Stack, size: float, tell: Tell) -> Section:
    from bench.live.lasting import lasting

    return lasting(stack, 120 * size, tell)


PARTS: dict[str, Part] = {
    "kafka": _kafka, "hive": _hive, "changes": _changes, "intake": _intake, "memory": _memory,
}  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", type=click.Choice(list(PARTS)), multiple=True, help="Run this part only; may be given again.")
@click.option("--size", type=click.FloatRange(0.01, 10), default=1.0, show_default=True, help="Times as many of all.")
@click.option("--keep/--no-keep", default=True, show_default=True, help="Write docs/benchmarks.md.")
def main(only: tuple[str, ...], size: float, keep: bool) -> None:
    """Measure the running live half of this clone's stack. A part that fails does not keep the others from it."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    failed = False
    try:
        stack = running()
        with console.status("") as status:
            until_calm(stack, status.update)
    except LabError as error:
        console.print(f"[red]{error}", highlight=False, soft_wrap=True)
        sys.exit(1)
    for name in only or PARTS:
        began = time.monotonic()
        try:
            with console.status(name) as status:
                section = PARTS[name](stack, size, status.update)
        except LabError as error:
            console.print(f"[red]{name}: {error}", highlight=False, soft_wrap=True)
            failed = True
            continue
        console.print(page.as_table(section), f"[dim]{time.monotonic() - began:.0f} s", "", highlight=False)
        if keep:
            page.keep([section], facts=facts())
    console.print(page.machine(facts()), style="dim", highlight=False, soft_wrap=True)
    sys.exit(1 if failed else 0)


def running() -> Stack:
    """This clone's stack. LabError where what is measured does not run."""
    stack = Stack.of_this_clone()
    well = {found.service for found in stack.compose.containers() if found.state == "running" and found.well}
    missing = [name for name in NEEDED if name not in well]
    if missing:
        raise LabError(f"{', '.join(missing)}: not well", where="the stack", fix="make up ONLY=live, then again")
    return stack


def facts() -> Sequence[str]:
    """What runs, by name and version."""
    pinned = versions()
    return [f"{name} {pinned[variable]}" for variable, name in VERSIONS.items()]


def _share(count: int, size: float) -> int:
    return max(1, round(count * size))


if __name__ == "__main__":
    main()
