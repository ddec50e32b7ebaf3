"""students.py: every line of the stage is in the presentation or, with the reason, in the quarantine."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest
from job_files import load_job

job = load_job("students")

ZOE = '1,Zoë,"Le ""Duc"", x",z@x.fr,P@x.fr,Mme,2000-01-02,2018-09-03,,3,MSC1,Lycée A,enrolled,,,,'
JEAN = r"2,Jean\nLuc,Back\\slash,jl@x.fr,,M.,2000-02-29,2019-09-01,2023-06-30,1,MSC2,IUT,graduated,,,2023-09-01,7"


class Stage:
    """A stage of two files, and what the job makes of it."""

    def __init__(self, spark, folder: Path) -> None:
        self.spark, self.folder = spark, folder

    def run(self, students: list[str], grades: list[str]) -> None:
        for name, lines in (("students", students), ("grades", grades)):
            (self.folder / f"{name}.csv").write_bytes("".join(f"{line}\n" for line in lines).encode())
        job.run(
            self.spark,
            Namespace(
                students=str(self.folder / "students.csv"),
                grades=str(self.folder / "grades.csv"),
                output_uri=str(self.folder / "out"),
                quarantine_uri=str(self.folder / "quarantine"),
            ),
        )

    def presentation(self) -> list[str]:
        return self._lines("out")

    def quarantine(self, table: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._lines(f"quarantine/{table}")]

    def reasons(self, table: str) -> list[tuple[object, ...]]:
        found = [(row["severity"], row["reason"], row.get("student_id")) for row in self.quarantine(table)]
        return sorted(found, key=str)

    def _lines(self, name: str) -> list[str]:
        parts = sorted((self.folder / name).glob("part-*"))
        return sorted(line for part in parts for line in part.read_bytes().decode().split("\n") if line)


@pytest.fixture
def stage(spark, tmp_path):
    return Stage(spark, tmp_path)


def test_each_student_has_the_average_of_the_exams_sat(stage):
    stage.run(
        [ZOE, JEAN],
        ["1,1,5DATA,2020-01-01,62.0", "2,1,5DATA,2020-01-02,63.5", "3,1,4ARCH,2020-01-03,", "4,2,5DATA,2020-01-01,7"],
    )
    assert stage.presentation() == [f"{ZOE},62.75", f"{JEAN},7.00"]
    assert stage.reasons("grades") == [("warning", "exam not sat", 1)]
    assert stage.quarantine("students") == []


def test_a_student_without_grades_stays_and_lines_are_not_changed_by_a_byte(stage):
    stage.run([ZOE, JEAN], [])
    assert stage.presentation() == [f"{ZOE},", f"{JEAN},"]


def test_averages_are_rounded_half_up_to_two_digits(stage):
    stage.run([ZOE], [f"{i},1,A,2020-01-01,{grade}" for i, grade in enumerate(("62.1", "62.2", "62.2", "62.0"))])
    assert stage.presentation() == [f"{ZOE},62.13"]  # 62.125


def test_a_student_line_that_cannot_be_read_is_refused(stage):
    bad = {
        "3,x": ("wrong number of fields", 3),
        f"{JEAN},8": ("wrong number of fields", 2),
        "": ("wrong number of fields", None),
        JEAN.replace("2,Jean", "two,Jean"): ("unparsable id", None),
        JEAN.replace("2,Jean", ",Jean"): ("no id", None),
        JEAN.replace("2000-02-29", "2001-02-29"): ("unparsable date_of_birth", 2),
        JEAN.replace("2023-06-30", "yesterday"): ("unparsable left_date", 2),
        JEAN.replace("2023-06-30", "2023"): ("unparsable left_date", 2),
        JEAN.replace(",1,MSC2", ",,MSC2"): ("no campus_id", 2),
    }
    stage.run([ZOE, *bad], [])
    assert stage.presentation() == [f"{ZOE},"]
    found = {row["record"]: (row["reason"], row.get("student_id")) for row in stage.quarantine("students")}
    assert found == bad
    assert {row["severity"] for row in stage.quarantine("students")} == {"refused"}


def test_a_bad_grade_is_refused_and_does_not_count(stage):
    bad = {
        "2,1,5DATA,2020-01-01": ("wrong number of fields", 1),
        "3,1,5DATA,2020-01-01,60.0,x": ("wrong number of fields", 1),
        "4,1,5DATA,2020-13-01,60.0": ("unparsable date", 1),
        "5,1,5DATA,2020-01-01,good": ("unparsable grade", 1),
        "6,1,,2020-01-01,60.0": ("no subject", 1),
        "7,one,5DATA,2020-01-01,60.0": ("unparsable student_id", None),
        "8,1,5DATA,2020-01-01,100.1": ("grade out of 0 to 100", 1),
        "9,1,5DATA,2020-01-01,-0.1": ("grade out of 0 to 100", 1),
        "10,77,5DATA,2020-01-01,60.0": ("unknown student", 77),
    }
    stage.run([ZOE], ["1,1,5DATA,2020-01-01,50.0", *bad])
    assert stage.presentation() == [f"{ZOE},50.00"]
    found = {row["record"]: (row["reason"], row.get("student_id")) for row in stage.quarantine("grades")}
    assert found == bad


def test_a_grade_of_a_refused_student_is_of_nobody(stage):
    stage.run([ZOE, "5,x"], ["1,5,5DATA,2020-01-01,50.0"])
    assert stage.reasons("grades") == [("refused", "unknown student", 5)]


def test_of_rows_with_one_key_the_first_stays(stage):
    double = JEAN.replace("Luc", "Zuc")
    stage.run([double, ZOE, JEAN], ["1,1,B,2020-01-01,90.0", "1,1,A,2020-01-01,50.0", "1,1,C,2020-01-01,10.0"])
    assert stage.presentation() == [f"{ZOE},50.00", f"{JEAN},"]
    assert stage.reasons("students") == [("refused", "key seen before", 2)]
    assert stage.quarantine("students")[0]["record"] == double
    assert stage.reasons("grades") == [("refused", "key seen before", 1)] * 2
    assert [row["record"] for row in stage.quarantine("grades")] == ["1,1,B,2020-01-01,90.0", "1,1,C,2020-01-01,10.0"]


def test_what_the_erp_admits_stays_and_is_reported_without_the_record(stage):
    bad_mail = ZOE.replace("z@x.fr", "z at x").replace("P@x.fr", "P@x")
    twin = JEAN.replace("2,Jean", "3,JEAN")
    stage.run([bad_mail, JEAN, twin], [])
    assert stage.presentation() == [f"{bad_mail},", f"{JEAN},", f"{twin},"]
    assert stage.reasons("students") == [
        ("warning", "bad e-mail", 1),
        ("warning", "bad personal e-mail", 1),
        ("warning", "person entered twice", 2),
        ("warning", "person entered twice", 3),
    ]
    assert all("record" not in row for row in stage.quarantine("students"))


def test_a_second_run_replaces_the_first(stage):
    stage.run([ZOE, "3,x"], ["1,1,A,2020-01-01,50.0"])
    stage.run([ZOE], ["1,1,A,2020-01-01,70.0"])
    assert stage.presentation() == [f"{ZOE},70.00"]
    assert stage.quarantine("students") == []
    assert sorted(path.name for path in stage.folder.iterdir() if path.is_dir()) == ["out", "quarantine"]


def test_the_log_counts_reasons_and_names_nobody(stage, capsys):
    stage.run([ZOE, JEAN.replace("jl@x.fr", "jl"), "3,Ann"], ["1,1,A,2020-01-01,"])
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "students.py: students: refused: wrong number of fields: 1",
        "students.py: students: warning: bad e-mail: 1",
        "students.py: students: rows with a problem: 2",
        "students.py: grades: warning: exam not sat: 1",
        "students.py: grades: rows with a problem: 1",
    ]
