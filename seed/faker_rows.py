"""Students and grades from Faker, a row at a time: what the generator is compared with."""

from __future__ import annotations

from collections.abc import Iterator

from faker import Faker

from lakelab.catalogue import LEVELS
from seed.school import SUBJECT_CODES

GRADES_EACH = 25


def faker_rows(rows: int, seed: int = 42) -> Iterator[tuple[object, ...]]:
    """So many rows: a student, then the student's 25 grades, and again. Written as one would at first try."""
    fake = Faker("fr_FR")
    fake.seed_instance(seed)
    made = 0
    student = 0
    while made < rows:
        student += 1
        first, last = fake.first_name(), fake.last_name()
        yield (
            student, first, last, f"{first}.{last}@supinfo.com", fake.email(), fake.random_element(("Mme", "M.")),
            fake.date_of_birth(minimum_age=18, maximum_age=30), fake.date_between("-9y", "-3y"), None,
            fake.random_int(1, 13), fake.random_element(LEVELS),
        )  # fmt: skip
        made += 1
        for _ in range(min(GRADES_EACH, rows - made)):
            grade = min(100.0, max(0.0, fake.random.gauss(60, 15)))
            yield (made, student, fake.random_element(SUBJECT_CODES), fake.date_between("-3y"), round(grade, 1))
            made += 1
