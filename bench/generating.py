"""The generator against the usual way: Faker, one row at a time."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.faker_school import faker_school
from bench.measure import Section, Spent, Tell, in_process, megabytes, spread
from seed.generator import generate

FAKER = "Faker, a row at a time"


def generator_against_faker(students: int, rounds: int, threads: int, tell: Tell) -> Section:
    """Rows a second of both; Faker gets a fiftieth of the students, as its speed does not depend on their number."""
    few = max(1, students // 50)
    with TemporaryDirectory(prefix="lakelab-bench-") as home:
        folder = Path(home) / "school"
        rows = generate(folder, students=few, seed=5, workers=1)
        shutil.rmtree(folder)
        ways: dict[str, Callable[[], Spent]] = {FAKER: partial(in_process, faker_school, folder, rows)}
        for count in sorted({1, threads}):
            name = f"generator, {count} thread{'s' if count > 1 else ''}"
            ways[name] = partial(in_process, generate_school, folder, students, count)
        spent: dict[str, list[Spent]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, run in ways.items():
                tell(f"round {number + 1} of {rounds}: {name}")
                spent[name].append(run())
                shutil.rmtree(folder)
    about = (
        f"All eleven tables of {students:,} students, to CSV, {rounds} alternating rounds. Faker makes the same tables "
        f"for {few:,} students, as many rows of each as the generator does for so many: each value is a call of Faker "
        "(`first_name`, `email`, `date_between`, `random_int` …, of several possible calls the cheapest), written by "
        "`csv.writer`. Faker's rows have no relation to each other; the generator's are a school. "
        "In brackets the least and the most of the rounds. Processor time leaves out what else the machine does."
    )
    columns = (
        "way", "rows", "seconds", "rows/s", "peak memory", "as fast as Faker", "rows per second of processor",
        "as many as Faker",
    )  # fmt: skip
    return Section("Generator", about, columns, tuple(_row(name, each, spent[FAKER]) for name, each in spent.items()))


def generate_school(folder: Path, students: int, workers: int) -> int:
    """Rows of all tables."""
    return sum(generate(folder, students=students, seed=5, workers=workers).values())


def _row(name: str, spent: list[Spent], base: list[Spent]) -> tuple[str, ...]:
    def speeds(of: list[Spent]) -> list[float]:
        return [each.result / each.seconds for each in of]

    def work(of: list[Spent]) -> list[float]:
        return [each.result / each.cpu for each in of]

    def times(of: Callable[[list[Spent]], list[float]]) -> str:
        return spread([a / b for a, b in zip(of(spent), of(base), strict=True)], ".0f") + " x"

    return (
        name,
        f"{spent[0].result:,}",
        spread([each.seconds for each in spent], ".2f"),
        f"{statistics.median(speeds(spent)):,.0f}",
        megabytes(max(each.peak for each in spent)),
        "1" if name == FAKER else times(speeds),
        f"{statistics.median(work(spent)):,.0f}",
        "1" if name == FAKER else times(work),
    )
