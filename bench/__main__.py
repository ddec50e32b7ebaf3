"""`python -m bench`: choose parts and sizes, see the figures, keep them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from rich.console import Console

from bench import page
from bench.measure import Section
from lakelab.errors import LabError

Tell = Callable[[str], None]

PARTS = ("unload", "generator", "pipeline", "growth", "emr")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Run this part only; may be given again.")
@click.option("--grades", type=click.IntRange(1000), default=2_000_000, show_default=True, help="Rows to unload.")
@click.option("--students", type=click.IntRange(50), default=200_000, show_default=True, help="School to generate.")
@click.option("--demo", type=click.IntRange(50), default=5_000, show_default=True, help="School of the pipeline.")
@click.option("--sizes", default="1000,10000,100000", show_default=True, help="Schools of the growth, in students.")
@click.option("--steps", type=click.IntRange(500), default=10_000, show_default=True, help="History of EMR's calls.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Alternating runs; 3 at most of the growth."
)
@click.option("--keep/--no-keep", default=True, show_default=True, help="Write docs/benchmarks.md.")
def main(
    only: tuple[str, ...], grades: int, students: int, demo: int, sizes: str, steps: int, rounds: int, keep: bool
) -> None:
    """Measure the lab against plain tools, side by side, in places of its own."""
    console = Console()
    runs: dict[str, Callable[[Tell], Section]] = {
        "unload": lambda tell: _unload(grades, rounds, tell),
        "generator": lambda tell: _generator(students, rounds, tell),
        "pipeline": lambda tell: _pipeline(demo, rounds, tell),
        "growth": lambda tell: _growth(_numbers(sizes), min(rounds, 3), tell),
        "emr": lambda tell: _emr(steps, rounds, tell),
    }
    try:
        for name in only or PARTS:
            with console.status(name) as status:
                section = runs[name](status.update)
            console.print(page.as_table(section), "")
            if keep:
                page.keep([section])
    except LabError as error:
        console.print(f"[red]{error}", highlight=False)
        sys.exit(1)
    console.print(page.machine(), style="dim", highlight=False)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise LabError(f"{text!r} is not a list of numbers", where="--sizes", fix="write 1000,10000") from None
    if any(size < 1 for size in sizes):
        raise LabError("a school needs students", where="--sizes", fix="write 1000,10000")
    return sizes


# Each part is imported when it is run: one that cannot be does not keep the others from it.
def _unload(grades: int, rounds: int, tell: Tell) -> Section:
    from bench.unloading import unload_against_psql

    return unload_against_psql(grades, rounds, tell)


def _generator(students: int, rounds: int, tell: Tell) -> Section:
    from bench.generating import generator_against_faker

    return generator_against_faker(students, rounds, page.cores(), tell)


def _pipeline(students: int, rounds: int, tell: Tell) -> Section:
    from bench.pipeline import pipeline_against_bare

    return pipeline_against_bare(students, rounds, tell)


def _growth(sizes: tuple[int, ...], rounds: int, tell: Tell) -> Section:
    from bench.growth import growth

    return growth(sizes, rounds, tell)


def _emr(steps: int, rounds: int, tell: Tell) -> Section:
    from bench.emr_calls import calls_against_moto

    return calls_against_moto(steps, rounds, tell)


if __name__ == "__main__":
    main()
