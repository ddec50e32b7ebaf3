"""Erasing a person: planted canaries are gone from every file, and stay gone when the data comes back."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest
from demo_lab import SEED, STUDENTS, Lab, new_copy

from lab.embedded.postgres import Postgres
from lab.erase import erase_from_erp, find_person, finish
from seed.generator import generate

CANARY = ("Zyxquanta", "Canarivora")
EMAIL, PRIVATE = "zyx.canary@supinfo.com", "zyx.canary@canary.example"


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A generated school whose last student is a canary, met at an event. Yields the folder and the number."""
    folder = tmp_path_factory.mktemp("canary") / "school"
    generate(folder, students=STUDENTS, seed=SEED, workers=1)
    students = list(csv.reader((folder / "students.csv").open()))
    students[-1][1:5] = [*CANARY, EMAIL, PRIVATE]
    audiences = list(csv.reader((folder / "audiences.csv").open()))
    audiences.append([str(int(audiences[-1][0]) + 1), audiences[-1][1], *CANARY, PRIVATE.upper(), "high", ""])
    for name, rows in (("students", students), ("audiences", audiences)):
        with (folder / f"{name}.csv").open("w") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
    return folder, int(students[-1][0])


@pytest.fixture(scope="module")
def erased(demo_lab, school, tmp_path_factory):
    """A lab that ran on that school, a log that tells of the canary, then erased. Yields lab, number, output."""
    folder, student = school
    for lab in new_copy(demo_lab, tmp_path_factory.mktemp("erase") / "lab"):
        lab.succeed("load", str(folder))
        lab.succeed("run")
        assert occurrences(lab), "the canary must be found before it is erased"
        (log,) = sorted(lab.home.glob("s3/*/j-*/steps/*/stderr.gz"))[:1]
        log.write_bytes(gzip.compress(f"bad row of {CANARY[0]} {CANARY[1]}, number {student}\n".encode()))
        yield lab, student, lab.succeed("erase", str(student), "--yes")


def occurrences(lab: Lab) -> list[str]:
    """Files of the lab in which a canary is found, compressed ones included; independent of the lab's own search."""
    found = []
    roots = {lab.home, Postgres(lab.place).root}  # Postgres' data is elsewhere where `nobody` could not reach it
    for folder, _, names in (entry for root in roots for entry in os.walk(root)):
        for name in names:
            path = Path(folder) / name
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            if any(text.lower().encode() in content.lower() for text in (*CANARY, EMAIL, PRIVATE)):
                found.append(str(path))
    return found


def test_no_file_has_the_canary_any_more(erased):
    lab, _, _ = erased
    assert occurrences(lab) == []


def test_the_command_says_what_it_did_and_searched(erased):
    _, student, output = erased
    assert f"Erased student {student}" in output
    assert "1 of students" in output
    assert "1 logs redacted" in output
    assert "nothing is left" in output


def test_the_log_keeps_what_is_not_personal(erased):
    lab, _, _ = erased
    texts = [gzip.decompress(path.read_bytes()) for path in lab.home.glob("s3/*/j-*/steps/*/stderr.gz")]
    assert b"bad row of [erased], number [erased]\n" in texts


def test_erp_stage_and_presentation_are_equal_without_the_person(erased):
    lab, student, _ = erased
    assert all(len(set(tiers)) == 1 for tiers in lab.checksums().values())
    for table, column in (("students", "id"), ("grades", "student_id"), ("attendances", "student_id")):
        assert lab.erp(f"SELECT count(*) FROM public.{table} WHERE {column} = {student}") == [(0,)]


def test_an_erasure_that_was_stopped_is_taken_up_again(erased):
    lab, _, _ = erased
    ((student,),) = lab.erp("SELECT min(student_id) FROM public.grades")
    place = lab.place
    with Postgres(place).running() as postgres:
        erase_from_erp(place, postgres, find_person(place, postgres, student))
        assert find_person(place, postgres, student).id == student
    finish(place)
    assert not (lab.home / "erasing.json").exists()


def test_a_student_who_is_not_there_is_told(erased):
    lab, student, _ = erased
    done = lab.run("erase", str(student), "--yes")
    assert done.returncode == 1
    assert f"no student {student}" in done.stderr


def test_an_erased_person_does_not_come_back_with_the_data(erased, school):
    lab, student, _ = erased
    lab.succeed("load", str(school[0]))
    assert lab.erp(f"SELECT count(*) FROM public.students WHERE id = {student}") == [(0,)]
    assert lab.erp(f"SELECT count(*) FROM public.audiences WHERE first_name = '{CANARY[0]}'") == [(0,)]
    ((others,),) = lab.erp("SELECT count(*) FROM public.students")
    assert others == STUDENTS - 2  # the canary and the one whose erasure was taken up again


def test_the_register_of_erasures_tells_nothing_about_persons(erased):
    lab, student, _ = erased
    text = (lab.home / "erased.json").read_text()
    assert str(student) not in text
    assert "@" not in text
