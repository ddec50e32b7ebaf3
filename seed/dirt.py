"""Rows that are wrong on purpose, for lessons and tests: added after the clean rows, each wrong in one way.

`refused` sorts break a rule of the ERP, which takes none of them; `admitted` sorts pass every rule, so that the
jobs have to catch or survive them. dirt.json tells how many there are of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lakelab.catalogue import TABLES
from lakelab.frames import polars as pl
from seed import school
from seed.draws import Draws, Ints
from seed.names import slug
from seed.writer import TableFiles

ODD_FIRST = ("Anne, dite Nana", 'Jean "Jeannot"', "Marie\nClaire", "Zoë", "Loïc\\Luc", "  Éloïse ", "Çağla")
ODD_LAST = ("D'Aubigné, comte", 'O"Neill', "Nuñez\nGarcía", "Le\tGoff", "Müller-Straße", "L'Hôte", "Žižek")
BAD_MAILS = ("no-at-sign.example", "two@@boite.example", "with space@boite.example", "@boite.example", "nobody@")
_UNKNOWN = 1_900_000_000  # no key is that high

Change = Callable[[pl.DataFrame, int], pl.DataFrame]  # rows drawn for a sort, number of the sort -> dirty rows


@dataclass
class Planted:
    """Dirty rows of one table, all columns as text; a NULL id is to be replaced by a new key. Counts by sort."""

    rows: pl.DataFrame
    refused: Counter[str] = field(default_factory=Counter)
    admitted: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sort:
    """One way to be wrong. `source`: the frame whose rows it starts from."""

    name: str
    refused: bool
    change: Change
    source: str = ""


def _set(**columns: pl.Expr | str | None) -> Change:
    """Copies of rows under a new key, with these columns replaced."""
    changed = {"id": pl.lit(None, dtype=pl.String)} | {
        name: value if isinstance(value, pl.Expr) else pl.lit(value, dtype=pl.String) for name, value in columns.items()
    }
    return lambda rows, number: rows.with_columns(**changed)


def _same(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows


def _in_turn(words: Sequence[str], rows: pl.DataFrame, shift: int = 0) -> pl.Series:
    return pl.Series([words[(i + shift) % len(words)] for i in range(rows.height)], dtype=pl.String)


def _earlier(column: str, days: int) -> pl.Expr:
    """The column's dates, as text, so many days earlier."""
    return pl.col(column).str.to_date().dt.offset_by(f"-{days}d").cast(pl.String)


def _new_person(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    """The rows as students of their own: another birthday, school e-mail and no private one."""
    first, last = rows.get_column("first_name").to_list(), rows.get_column("last_name").to_list()
    mails = [
        f"{slug(a)}.{slug(b)}.{key}{number}@supinfo.com"
        for a, b, key in zip(first, last, rows.get_column("id").to_list(), strict=True)
    ]
    born = _earlier("date_of_birth", 401)
    return rows.with_columns(
        born,
        email=pl.Series(mails, dtype=pl.String),
        personal_email=pl.lit(None, dtype=pl.String),
        id=pl.lit(None, dtype=pl.String),
    )


def _person_with(**columns: pl.Expr | str) -> Change:
    change = _set(**columns)
    return lambda rows, number: change(_new_person(rows, number), number)


def _same_person(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows.with_columns(_new_person(rows, number).select("id", "email"))


def _odd_person(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return _odd_names(_new_person(rows, number), number)


def _odd_names(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows.with_columns(
        first_name=_in_turn(ODD_FIRST, rows),
        last_name=_in_turn(ODD_LAST, rows, shift=rows.height),
        id=pl.lit(None, dtype=pl.String),
    )


def _bad_private_mail(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return _new_person(rows, number).with_columns(personal_email=_in_turn(BAD_MAILS, rows))


def _bad_mail(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows.with_columns(email=_in_turn(BAD_MAILS, rows), id=pl.lit(None, dtype=pl.String))


def _unknown(column: str) -> Change:
    return _set(**{column: str(_UNKNOWN)})


SORTS: dict[str, tuple[Sort, ...]] = {
    "students": (
        Sort("same person under a new key", False, _same_person),
        Sort("commas, quotes, newlines and accents in names", False, _odd_person),
        Sort("bad private e-mail", False, _bad_private_mail),
        Sort("duplicate key", True, _same),
        Sort("duplicate school e-mail", True, _set()),
        Sort("unknown campus", True, _person_with(campus_id=str(_UNKNOWN))),
        Sort("unknown form of address", True, _person_with(gender="Mlle")),
        Sort("left before joining", True, _person_with(left_date=_earlier("join_date", 1))),
    ),
    "attendances": (
        Sort("lesson after the student left", False, _set(present="t"), "late lessons"),
        Sort("duplicate key", True, _same),
        Sort("same student twice at a lesson", True, _set()),
        Sort("unknown lesson", True, _unknown("lesson_id")),
        Sort("unknown student", True, _unknown("student_id")),
    ),
    "grades": (
        Sort("no grade", False, _set(grade=None)),
        Sort("same grade under a new key", False, _set()),
        Sort("exam after the student left", False, _set(), "late grades"),
        Sort("duplicate key", True, _same),
        Sort("above 100", True, _set(grade="104.5")),
        Sort("below 0", True, _set(grade="-3.0")),
        Sort("not a number", True, _set(grade="absent")),
        Sort("unknown student", True, _unknown("student_id")),
    ),
    "apprenticeships": (
        Sort("unknown company", True, _unknown("company_id")),
        Sort("ends before it starts", True, _set(end_date=_earlier("start_date", 1))),
    ),
    "audiences": (
        Sort("bad e-mail", False, _bad_mail),
        Sort("commas, quotes, newlines and accents in names", False, _odd_names),
        Sort("same contact under a new key", False, _set()),
        Sort("unknown event", True, _unknown("event_id")),
    ),
}


def _late_attendances(lessons: Ints, students: Ints) -> pl.DataFrame:
    """Attendances, without keys, at these lessons."""
    rows = pl.DataFrame({"lesson_id": lessons, "student_id": students}).cast(pl.String)
    return rows.select(pl.lit(None, dtype=pl.String).alias("id"), pl.all(), pl.lit("f").alias("present"))


def _late_grades(students: pl.DataFrame, grades: pl.DataFrame) -> pl.DataFrame:
    """Each student's first grade, dated ten days after leaving: only of students who left ten days ago or more."""
    left = students.select(student_id="id", left=pl.col("left_date").str.to_date().dt.offset_by("10d"))
    first = grades.unique("student_id", keep="first", maintain_order=True)
    late = first.join(left, on="student_id", maintain_order="left").filter(pl.col("left") <= school.AS_OF)
    return late.with_columns(date=pl.col("left").cast(pl.String)).select(grades.columns)


def _drawn(rows: pl.DataFrame, draws: Draws, count: int) -> pl.DataFrame:
    """So many different rows, in their order; fewer when there are not as many."""
    order = np.argsort(draws.words(rows.height), kind="stable")[:count]
    return rows[np.sort(order)]


def plant(
    frames: Mapping[str, pl.DataFrame], late: tuple[Ints, Ints], *, seed: int, chunk: int, share: float
) -> dict[str, Planted]:
    """Dirty rows made from the clean rows of a chunk: `share` of their number, at least one of each sort where the
    chunk has a row to start from. late: keys of lessons and of students who had left before."""
    sources = {
        **frames,
        "late lessons": _late_attendances(*late),
        "late grades": _late_grades(frames["students"], frames["grades"]),
    }
    planted: dict[str, Planted] = {}
    for name, sorts in SORTS.items():
        draws = Draws(seed, f"dirt {name}", chunk)
        count = max(1, int(frames[name].height * share / len(sorts)))
        found = Planted(frames[name].clear())
        for number, sort in enumerate(sorts):
            rows = sort.change(_drawn(sources[sort.source or name], draws, count), number)
            found.rows = found.rows.vstack(rows.select(found.rows.columns))
            (found.refused if sort.refused else found.admitted)[sort.name] += rows.height
        planted[name] = found
    return planted


def append_dirt(files: TableFiles, planted: Mapping[str, Sequence[Planted]]) -> dict[str, object]:
    """Adds the dirty rows of all chunks to the end of each file, new keys after the clean ones. Gives dirt.json."""
    counts: dict[str, dict[str, dict[str, int]]] = {"refused": {}, "admitted": {}}
    for table in TABLES:
        parts = planted.get(table.name, ())
        if not parts:
            continue
        rows = pl.concat([p.rows for p in parts])
        first = files.rows[table.name] + (school.FIRST_STUDENT_ID if table.name == "students" else 1)
        number = pl.col("id").is_null().cum_sum() + (first - 1)
        rows = rows.with_columns(id=pl.when(pl.col("id").is_null()).then(number.cast(pl.String)).otherwise("id"))
        files.add(table.name, rows)
        counts["refused"][table.name] = dict(sum((p.refused for p in parts), Counter()))
        counts["admitted"][table.name] = dict(sum((p.admitted for p in parts), Counter()))
    return dict(counts)
