"""Planted dirt: counted exactly, refused or admitted as announced, and beside the clean rows."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from lakelab.catalogue import TABLES
from lakelab.frames import polars as pl
from seed import school
from seed.check import check_folder
from seed.dirt import BAD_MAILS, SORTS
from seed.generator import generate

STUDENTS, DIRT = 600, 0.03


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("dirt")
    generate(base / "clean", students=STUDENTS, seed=11, workers=1)
    generate(base / "dirty", students=STUDENTS, seed=11, workers=1, dirt=DIRT)
    return base


@pytest.fixture(scope="module")
def counts(place: Path) -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = json.loads((place / "dirty" / "dirt.json").read_text())
    return found


def dirty(place: Path, name: str) -> pl.DataFrame:
    clean = pl.read_csv(place / "clean" / f"{name}.csv", infer_schema=False)
    return pl.read_csv(place / "dirty" / f"{name}.csv", infer_schema=False)[clean.height :]


def test_clean_rows_and_facts_stay_the_same(place: Path) -> None:
    for table in TABLES:
        clean = (place / "clean" / f"{table.name}.csv").read_bytes()
        assert (place / "dirty" / f"{table.name}.csv").read_bytes().startswith(clean)
    assert (place / "clean" / "truth.json").read_bytes() == (place / "dirty" / "truth.json").read_bytes()
    assert not (place / "clean" / "dirt.json").exists()


def test_every_sort_is_planted_and_counted(place: Path, counts: dict[str, dict[str, dict[str, int]]]) -> None:
    for name, sorts in SORTS.items():
        for sort in sorts:
            assert counts["refused" if sort.refused else "admitted"][name][sort.name] > 0
        planted = sum(counts["refused"][name].values()) + sum(counts["admitted"][name].values())
        assert dirty(place, name).height == planted


def test_the_check_refuses_exactly_the_refused_sorts(
    place: Path, counts: dict[str, dict[str, dict[str, int]]], tmp_path: Path
) -> None:
    report = check_folder(place / "dirty", refused=tmp_path / "refused", clean=tmp_path / "clean")

    n = counts["refused"]
    assert report.reasons["students"] == {
        "id: already taken": n["students"]["duplicate key"],
        "email: already taken": n["students"]["duplicate school e-mail"],
        "campus_id: not in campuses": n["students"]["unknown campus"],
        "gender: not one of Mme, M.": n["students"]["unknown form of address"],
        "left_date: before join_date": n["students"]["left before joining"],
    }
    assert report.reasons["attendances"] == {
        "id: already taken": n["attendances"]["duplicate key"],
        "lesson_id, student_id: already taken": n["attendances"]["same student twice at a lesson"],
        "lesson_id: not in lessons": n["attendances"]["unknown lesson"],
        "student_id: not in students": n["attendances"]["unknown student"],
    }
    assert report.reasons["grades"] == {
        "id: already taken": n["grades"]["duplicate key"],
        "grade: above 100": n["grades"]["above 100"],
        "grade: below 0": n["grades"]["below 0"],
        "grade: not a number like 62.0": n["grades"]["not a number"],
        "student_id: not in students": n["grades"]["unknown student"],
    }
    assert report.reasons["apprenticeships"] == {
        "company_id: not in companies": n["apprenticeships"]["unknown company"],
        "end_date: before start_date": n["apprenticeships"]["ends before it starts"],
    }
    assert report.reasons["audiences"] == {"event_id: not in events": n["audiences"]["unknown event"]}
    for table in TABLES:
        assert report.refused[table.name] == sum(n.get(table.name, {}).values())


def test_admitted_rows_are_what_they_are_called(place: Path, counts: dict[str, dict[str, dict[str, int]]]) -> None:
    n = counts["admitted"]
    students = dirty(place, "students")
    odd = students.filter(pl.col("first_name").str.contains('[,"\n\\\\]| Élo|Zoë|Çağ'))
    assert odd.height >= n["students"]["commas, quotes, newlines and accents in names"]
    assert students.get_column("personal_email").is_in(BAD_MAILS).sum() == n["students"]["bad private e-mail"]
    grades = dirty(place, "grades")
    # A missed exam of the clean rows may be drawn again for another sort.
    assert grades.get_column("grade").null_count() >= n["grades"]["no grade"]
    left = dict(
        pl.read_csv(place / "clean" / "students.csv", infer_schema=False)
        .filter(pl.col("left_date").is_not_null()).select("id", "left_date").rows()
    )  # fmt: skip
    late = [r for r in grades.select("student_id", "date").rows() if r[0] in left and r[1] > left[r[0]]]
    assert len(late) == n["grades"]["exam after the student left"]
    assert all(date.fromisoformat(d) <= school.AS_OF for _, d in late)
