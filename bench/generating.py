"""The generator against the usual way: Faker, one row at a time, straight to CSV."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from faker import Faker

from bench.growth import generate_school
from bench.measure import Section, Spent, Tell, in_process, megabytes
from lakelab.catalogue import ATTENDANCES, GRADES, LEVELS, STUDENTS

# As many rows of a student as the generator gives, about: its own, its attendances, its grades.
_ATTENDANCES, _GRADES = 60, 25
FAKER = "Faker, a row at a time"
_SUBJECTS = ("5DATA", "4ARCH", "4CCNA", "4DATA", "4DOKR")


def generator_against_faker(students: int, rounds: int, workers: int, tell: Tell) -> Section:
    """Rows a second of both; Faker gets a fiftieth of the students, as its speed does not depend on their number."""
    few = max(1, students // 50)
    with TemporaryDirectory(prefix="lakelab-bench-") as home:
        folder = Path(home) / "school"
        ways: dict[str, Callable[[], Spent]] = {FAKER: partial(in_process, faker_school, folder, few)}
        for count in sorted({1, workers}):
            name = f"generator, {count} process{'es' if count > 1 else ''}"
            ways[name] = partial(in_process, generate_school, folder, students, count)
        spent: dict[str, list[Spent]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, run in ways.items():
                tell(f"round {number + 1} of {rounds}: {name}")
                spent[name].append(run())
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()
    base = [_speed(each) for each in spent[FAKER]]
    about = (
        f"{students:,} students and all that belongs to them, to CSV; Faker writes students, attendances and grades of "
        f"{few:,} students, in the same proportion and without any relation between them."
    )
    rows = tuple(_row(name, each, base) for name, each in spent.items())
    return Section("Generator", about, ("way", "rows", "seconds", "rows/s", "peak memory", "as fast as Faker"), rows)


def _speed(spent: Spent) -> float:
    return float(spent.result / spent.seconds)


def _row(name: str, spent: list[Spent], base: list[float]) -> tuple[str, ...]:
    times = statistics.median(_speed(each) / b for each, b in zip(spent, base, strict=True))
    return (
        name,
        f"{spent[0].result:,}",
        f"{statistics.median(each.seconds for each in spent):.2f}",
        f"{statistics.median(map(_speed, spent)):,.0f}",
        megabytes(max(each.peak for each in spent)),
        f"{times:,.0f} x" if times > 1.5 else "1",
    )


def faker_school(folder: Path, students: int) -> int:
    """Rows written: students, attendances and grades, each value asked of Faker."""
    fake = Faker("fr_FR")
    fake.seed_instance(5)
    folder.mkdir()
    makers: dict[str, tuple[tuple[str, ...], int, Callable[[Any, int], tuple[Any, ...]]]] = {
        "students": (STUDENTS.column_names, 1, _student),
        "attendances": (ATTENDANCES.column_names, _ATTENDANCES, _attendance),
        "grades": (GRADES.column_names, _GRADES, _grade),
    }
    total = 0
    for name, (columns, each, make) in makers.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            for number in range(students * each):
                writer.writerow(make(fake, number))
                total += 1
    return total


def _student(fake: Any, number: int) -> tuple[Any, ...]:
    return (
        number, fake.first_name(), fake.last_name(), fake.company_email(), fake.email(),
        fake.random_element(("Mme", "M.")), fake.date_of_birth(minimum_age=17, maximum_age=30),
        fake.date_between("-10y"), None, fake.random_int(1, 20), fake.random_element(LEVELS), fake.company(),
        "enrolled", None, None, fake.date_between("-10y"), fake.random_int(1, 500),
    )  # fmt: skip


def _attendance(fake: Any, number: int) -> tuple[Any, ...]:
    return number, fake.random_int(1, 100_000), fake.random_int(1, 100_000), "t" if fake.boolean(85) else "f"


def _grade(fake: Any, number: int) -> tuple[Any, ...]:
    return (
        number, fake.random_int(1, 100_000), fake.random_element(_SUBJECTS), fake.date_between("-10y"),
        fake.random_int(0, 1000) / 10,
    )  # fmt: skip
