"""A small invented run, for the tests of the report."""

from __future__ import annotations

import re
from pathlib import Path

from lab.report.model import Anonymity, Digest, Finding, Refused, RunRecord, Size, Span, TableCheck
from lab.report.questions import Answer, Question, load_questions

QUESTIONS = {q.number: q for q in load_questions(Path(__file__).parents[2] / "hive" / "questions")}


def question(number: int) -> Question:
    return QUESTIONS[number]


def answer(number: int, columns: str, *rows: tuple[object, ...]) -> Answer:
    """An answer to a real question with rows written by hand; columns as one text, all of them in its query."""
    invented = [c for c in columns.split() if not re.search(rf"\b{c}\b", QUESTIONS[number].sql)]
    assert not invented, f"{QUESTIONS[number].file} has no column {invented[0]}"
    return QUESTIONS[number].answer(columns.split(), rows)


def run(**changes: object) -> RunRecord:
    """A run that went well, of five thousand students."""
    counts = {"campuses": 9, "companies": 272, "subjects": 25, "students": 5000, "grades": 98_412, "audiences": 9_120}
    values: dict[str, object] = {
        "title": "The school in ten answers",
        "place": "embedded",
        "seed": 42,
        "scale": 5000,
        "started": "2026-06-30T14:05:09",
        "duration": 38.4,
        "versions": {"Spark": "3.5.9", "Postgres": "18.6", "Java": "17.0.9", "Python": "3.11.9", "Lakelab": "0.1.0"},
        "timeline": (
            Span("Start Postgres", "stage", 0.0, 1.4, log=".lab/logs/postgres.log"),
            Span("Generate the school", "stage", 1.4, 2.1),
            Span("Load the ERP", "stage", 3.5, 3.9),
            Span("Unload to the stage", "stage", 7.4, 1.6),
            Span("EMR steps", "stage", 9.0, 21.2),
            Span("Copy campuses", "step", 9.2, 0.4, log="s3://5data-bucket/j-1ABCDEFGHIJKL/steps/s-1ABCDEFGHIJKL/"),
            Span("Copy grades", "step", 9.6, 0.7),
            Span("students.py", "step", 10.3, 7.3, log="s3://5data-bucket/j-1ABCDEFGHIJKL/steps/s-2ABCDEFGHIJKL/"),
            Span("marts.py", "step", 17.6, 12.4),
            Span("Answer the questions", "stage", 30.2, 6.1),
            Span("Compare the tiers", "stage", 36.3, 1.9),
        ),
        "tables": tuple(
            TableCheck(name, *[Digest(rows, f"{rows * 0x9E3779B97F4A7C15 % 2**64:016x}")] * 3)
            for name, rows in counts.items()
        ),
        "findings": (
            Finding(
                "students", "two students have the same e-mail", "error", 3, "hdfs:///dev/quarantine/ERP/students/"
            ),
            Finding("grades", "no grade: the student did not sit the exam", "warning", 1_204),
        ),
        "refused": (Refused("students.csv", "campus_id 99 is not a campus", 2, 814),),
        "anonymity": (Anonymity("mart_best_students", 5, 61, 5, 7), Anonymity("mart_companies", 5, 38, 5, 190)),
        "sizes": (Size("stage", 12_400_000, 11), Size("presentation", 12_600_000, 12), Size("marts", 84_000, 10)),
    }
    return RunRecord(**{**values, **changes})  # type: ignore[arg-type]
