"""The usual way to make test data: Faker, asked for each value of each row, straight to CSV.

Where Faker has several calls for a value, the cheapest is used (whole numbers over `pyfloat`, dates given as dates and
not as "-10y"), and nothing is looked up: keys are drawn from their range. So rows have no relation to each other.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faker import Faker

from lakelab.catalogue import LEVELS, TABLES
from seed import school

_START, _END = dt.date(2016, 9, 1), school.AS_OF
_CAMPUSES = len(school.CAMPUSES)
_INTEREST = ("low", "medium", "high")
_STATUSES = ("enrolled", "graduated", "dropped_out")

Rows = Mapping[str, int]
Maker = Callable[[Any, int, Rows], tuple[Any, ...]]


def faker_school(folder: Path, rows: Rows) -> int:
    """So many rows of each table, written to `<table>.csv`; returns the rows in all."""
    fake = Faker("fr_FR")
    fake.seed_instance(5)
    folder.mkdir()
    for table in TABLES:
        make = _MAKERS[table.name]
        with (folder / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(table.column_names)
            for number in range(1, rows[table.name] + 1):
                writer.writerow(make(fake, number, rows))
    return sum(rows[table.name] for table in TABLES)


def _date(fake: Any) -> dt.date:
    return fake.date_between(_START, _END)  # type: ignore[no-any-return]


def _campus(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    city = fake.city()
    return number, city, city, fake.region(), _date(fake), fake.random_int(50, 900), fake.random_int(400, 2500)


def _company(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    sector = fake.random_element(school.SECTORS)
    return number, fake.company(), sector, fake.city(), fake.region(), fake.random_int(8, 12_000)


def _subject(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    return fake.bothify("#????").upper(), fake.job(), fake.random_element(LEVELS)


def _student(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    first, last = fake.first_name(), fake.last_name()
    status = fake.random_element(_STATUSES)
    dropped, graduated = status == "dropped_out", status == "graduated"
    return (
        number, first, last, f"{first}.{last}.{number}@supinfo.com", fake.email(), fake.random_element(("Mme", "M.")),
        fake.date_of_birth(minimum_age=17, maximum_age=30), _date(fake), None if status == "enrolled" else _date(fake),
        fake.random_int(1, _CAMPUSES), fake.random_element(LEVELS), fake.random_element(school.ORIGINS), status,
        fake.random_element(school.EXIT_REASONS) if dropped else None,
        fake.random_element(school.COMPETITORS) if dropped else None,
        _date(fake) if graduated else None, fake.random_int(1, rows["companies"]) if graduated else None,
    )  # fmt: skip


def _professor(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    first, last = fake.first_name(), fake.last_name()
    mail = f"{first}.{last}.{number}@prof.supinfo.com"
    return number, first, last, mail, fake.random_int(1, _CAMPUSES), _date(fake)


def _lesson(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    subject, professor = fake.random_element(school.SUBJECT_CODES), fake.random_int(1, rows["professors"])
    return number, subject, _date(fake), fake.random_int(1, _CAMPUSES), professor


def _attendance(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    present = "t" if fake.boolean(85) else "f"
    return number, fake.random_int(1, rows["lessons"]), fake.random_int(1, rows["students"]), present


def _grade(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    student, subject = fake.random_int(1, rows["students"]), fake.random_element(school.SUBJECT_CODES)
    return number, student, subject, _date(fake), fake.random_int(0, 1000) / 10


def _apprenticeship(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    student, company = fake.random_int(1, rows["students"]), fake.random_int(1, rows["companies"])
    return number, student, company, _date(fake), _date(fake), fake.job()


def _event(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    kind, campus = fake.random_element(school.EVENT_KINDS), fake.random_int(1, _CAMPUSES)
    return number, f"{kind} {number}", kind, _date(fake), campus, fake.random_int(6_000, 650_000) / 100


def _audience(fake: Any, number: int, rows: Rows) -> tuple[Any, ...]:
    lost = fake.random_element(school.COMPETITORS) if fake.boolean(30) else None
    return (
        number, fake.random_int(1, rows["events"]), fake.first_name(), fake.last_name(), fake.email(),
        fake.random_element(_INTEREST), lost,
    )  # fmt: skip


_MAKERS: dict[str, Maker] = {
    "campuses": _campus, "companies": _company, "subjects": _subject, "students": _student, "professors": _professor,
    "lessons": _lesson, "attendances": _attendance, "grades": _grade, "apprenticeships": _apprenticeship,
    "events": _event, "audiences": _audience,
}  # fmt: skip
