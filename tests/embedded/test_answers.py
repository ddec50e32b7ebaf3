"""The ten answers of a whole run, compared with DuckDB and NumPy on the generator's own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from answers_sql import ANSWERS, INTAKES, PREPARE
from demo_lab import SEED, STUDENTS

from lakelab.catalogue import TABLES
from seed.generator import generate

# Half of the last digit that the lab shows; a little more, for numbers that it rounded on the way.
ROUNDED = {
    "cost_per_recruit": 0.51,
    "expected_students": 0.51,
    "difference": 0.51,
    **dict.fromkeys(("conversion", "share_of_students", "elsewhere_rate", "drop_out_rate", "best_share"), 0.051),
    **dict.fromkeys(("share_of_drop_outs", "attendance_rate", "spread", "occupancy", "intake_change"), 0.051),
    **dict.fromkeys(("contracts_per_100_students", "companies_per_100_students", "local_share"), 0.051),
    **dict.fromkeys(("hired_rate", "median_months", "mean_months", "months_until_half_hired"), 0.051),
    **dict.fromkeys(("within_6_months", "share_of_hires", "mean_months_to_hire"), 0.051),
    **dict.fromkeys(("share_of_lost", "main_reason_share"), 0.051),
}
TO_A_HUNDREDTH = 0.0051


@pytest.fixture(scope="module")
def answers(demo_lab) -> dict[int, list[dict[str, Any]]]:
    """Question number → rows, of a run of the whole pipeline."""
    found = json.loads((demo_lab.home / "answers.json").read_text())
    return {
        answer["question"]["number"]: [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
        for answer in found
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """The same school as CSV files."""
    folder: Path = tmp_path_factory.mktemp("school") / "csv"
    generate(folder, students=STUDENTS, seed=SEED, workers=1)
    return folder


@pytest.fixture(scope="module")
def school(files) -> duckdb.DuckDBPyConnection:
    """The files seen by DuckDB."""
    database = duckdb.connect()
    for table in TABLES:
        source = files / f"{table.name}.csv"
        database.execute(f"CREATE VIEW {table.name} AS FROM read_csv('{source}', header = true)")
    database.execute(PREPARE)
    return database


@pytest.mark.parametrize("number", sorted(ANSWERS))
def test_an_answer_is_what_duckdb_finds_in_the_files(answers, school, number):
    query, key = ANSWERS[number]
    cursor = school.execute(query)
    columns = [column[0] for column in cursor.description]
    expected = by_key([dict(zip(columns, row, strict=True)) for row in cursor.fetchall()], key)
    found = by_key(answers[number], key)
    assert len(expected) > 2
    assert sorted(found) == sorted(expected)
    for name, row in expected.items():
        assert set(found[name]) == set(row)
        for column, value in row.items():
            assert same(found[name][column], value, column), (name, column, found[name][column], value)


def test_figures_are_those_that_the_generator_planted(answers, files):
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


def by_key(rows: list[dict[str, Any]], key: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = {tuple(row[column] for column in key): row for row in rows}
    assert len(found) == len(rows)
    return found


def same(found: Any, expected: Any, column: str) -> bool:
    if isinstance(expected, str) or expected is None or found is None:
        return bool(found == expected)
    return abs(float(found) - float(expected)) <= ROUNDED.get(column, TO_A_HUNDREDTH)


def test_growth_is_what_numpy_fits_to_the_files(answers, school):
    series: dict[str, dict[int, int]] = {}
    for area, year, students in school.execute(INTAKES).fetchall():
        series.setdefault(area, {})[year] = students
    rows = by_key(answers[10], ("area", "intake_year"))
    assert {area for area, _ in rows} == set(series)
    for area, intakes in series.items():
        years = range(min(intakes), 2026)
        counts = [intakes.get(year, 0) for year in years]
        for year, count in zip(years, counts, strict=True):
            shown = None if 0 < count < 5 else count
            assert (rows[area, year]["kind"], rows[area, year]["students"]) == ("actual", shown)
        errors = [abs(fitted(counts[:i])[0] - counts[i]) for i in range(4, len(counts))]
        naive = [abs(counts[i - 1] - counts[i]) for i in range(4, len(counts))]
        last = rows[area, 2028]
        assert (last["kind"], last["back_tests"]) == ("forecast", len(errors))
        assert last["mae_model"] == pytest.approx(np.mean(errors), abs=0.051)
        assert last["mae_naive"] == pytest.approx(np.mean(naive), abs=0.051)
        value, factor = fitted(counts, ahead=3)
        assert last["students"] == pytest.approx(value, abs=0.051)
        assert last["high_80"] == pytest.approx(value * factor, rel=0.005, abs=0.06)
        assert last["low_80"] == pytest.approx(value / factor, rel=0.005, abs=0.06)


def fitted(counts: list[int], ahead: int = 1) -> tuple[float, float]:
    """The forecast so many years ahead, and the factor up to its 80% bound (for ten years, 8 degrees of freedom)."""
    x, y = np.arange(len(counts)), np.log(np.maximum(counts, 0.5))
    slope, start = np.polyfit(x, y, 1)
    value = start + slope * (len(counts) - 1 + sum(0.9**i for i in range(1, ahead + 1)))
    design = np.column_stack([np.ones(len(x)), x])
    at = np.array([1, len(counts) - 1 + ahead])
    variance = np.sum((y - start - slope * x) ** 2) / (len(x) - 2)
    error = np.sqrt(variance * (1 + at @ np.linalg.inv(design.T @ design) @ at))
    return float(np.exp(value)), float(np.exp(T80.get(len(counts) - 2, np.nan) * error))


# The 90% quantile of Student's t by degrees of freedom, from the tables.
T80 = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440, 7: 1.415, 8: 1.397}
