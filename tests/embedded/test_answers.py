"""The ten answers of a whole run, compared with DuckDB and NumPy on the generator's own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from answers import Rows, generated_school, read_answers, require_answer, require_growth
from answers_sql import ANSWERS
from demo_lab import SEED, STUDENTS


@pytest.fixture(scope="module")
def answers(demo_lab) -> dict[int, Rows]:
    return read_answers(demo_lab.home / "answers.json")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("school") / "csv"
    return folder


@pytest.fixture(scope="module")
def school(files) -> duckdb.DuckDBPyConnection:
    return generated_school(files, STUDENTS, SEED)


@pytest.mark.parametrize("number", sorted(ANSWERS))
def test_an_answer_is_what_duckdb_finds_in_the_files(answers, school, number):
    require_answer(number, answers[number], school)


def test_growth_is_what_numpy_fits_to_the_files(answers, school):
    require_growth(answers[10], school)


def test_figures_are_those_that_the_generator_planted(answers, school, files):
    truth = json.loads((files / "truth.json").read_text())

    def column(number: int, key: str, value: str) -> dict[str, Any]:
        return {row[key]: row[value] for row in answers[number] if row[value] is not None}

    assert column(3, "region", "students") == truth["students_by_region"]
    assert column(4, "region", "contracts").items() <= truth["contracts_by_region"].items()
    reasons = {row["category"]: row["drop_outs"] for row in answers[2] if row["factor"] == "reason"}
    assert reasons == truth["drop_outs_by_reason"]
    recruits = column(6, "source", "recruits")
    assert recruits.pop("no event") == STUDENTS - truth["recruited_students"]
    assert recruits == truth["recruited_by_last_event_kind"]
    (hiring,) = (row for row in answers[7] if row["dimension"] == "school")
    assert (hiring["graduates"], hiring["hired"]) == (truth["graduates"], truth["graduates_hired"])
    best = [row["hires"] for row in answers[8][:5]]
    assert best == [company["hires"] for company in truth["hires_by_company_top_5"]]
