"""The ten answers of a lab, wherever it ran, against DuckDB and NumPy on the generator's own files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from answers_sql import ANSWERS, INTAKES, PREPARE

from lakelab.catalogue import TABLES
from seed.generator import generate

Rows = list[dict[str, Any]]

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


def read_answers(file: Path) -> dict[int, Rows]:
    """Question number → rows, of an `answers.json`."""
    found = json.loads(file.read_text())
    return {
        answer["question"]["number"]: [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
        for answer in found
    }


def generated_school(folder: Path, students: int, seed: int) -> duckdb.DuckDBPyConnection:
    """A school's files, made in the folder, as DuckDB sees them."""
    generate(folder, students=students, seed=seed, workers=1)
    database = duckdb.connect()
    for table in TABLES:
        source = folder / f"{table.name}.csv"
        database.execute(f"CREATE VIEW {table.name} AS FROM read_csv('{source}', header = true)")
    database.execute(PREPARE)
    return database


def require_answer(number: int, rows: Rows, school: duckdb.DuckDBPyConnection) -> None:
    """AssertionError with row, column and both values where an answer is not what DuckDB finds."""
    query, key = ANSWERS[number]
    cursor = school.execute(query)
    columns = [column[0] for column in cursor.description]
    expected = by_key([dict(zip(columns, row, strict=True)) for row in cursor.fetchall()], key)
    found = by_key(rows, key)
    assert len(expected) > 2
    assert sorted(found) == sorted(expected)
    for name, row in expected.items():
        assert set(found[name]) == set(row)
        for column, value in row.items():
            assert _same(found[name][column], value, column), (name, column, found[name][column], value)


def by_key(rows: Rows, key: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = {tuple(row[column] for column in key): row for row in rows}
    assert len(found) == len(rows)
    return found


def _same(found: Any, expected: Any, column: str) -> bool:
    if isinstance(expected, str) or expected is None or found is None:
        return bool(found == expected)
    return abs(float(found) - float(expected)) <= ROUNDED.get(column, TO_A_HUNDREDTH)


def require_growth(rows: Rows, school: duckdb.DuckDBPyConnection) -> None:
    """AssertionError where the tenth answer is not what NumPy fits to the files."""
    series: dict[str, dict[int, int]] = {}
    for area, year, students in school.execute(INTAKES).fetchall():
        series.setdefault(area, {})[year] = students
    answer = by_key(rows, ("area", "intake_year"))
    assert {area for area, _ in answer} == set(series)
    for area, intakes in series.items():
        years = range(min(intakes), 2026)
        counts = [intakes.get(year, 0) for year in years]
        for year, count in zip(years, counts, strict=True):
            shown = None if 0 < count < 5 else count
            assert (answer[area, year]["kind"], answer[area, year]["students"]) == ("actual", shown)
        errors = [abs(_fitted(counts[:i])[0] - counts[i]) for i in range(4, len(counts))]
        naive = [abs(counts[i - 1] - counts[i]) for i in range(4, len(counts))]
        last = answer[area, 2028]
        assert (last["kind"], last["back_tests"]) == ("forecast", len(errors))
        assert last["mae_model"] == pytest.approx(np.mean(errors), abs=0.051)
        assert last["mae_naive"] == pytest.approx(np.mean(naive), abs=0.051)
        value, factor = _fitted(counts, ahead=3)
        assert last["students"] == pytest.approx(value, abs=0.051)
        assert last["high_80"] == pytest.approx(value * factor, rel=0.005, abs=0.06)
        assert last["low_80"] == pytest.approx(value / factor, rel=0.005, abs=0.06)


def _fitted(counts: list[int], ahead: int = 1) -> tuple[float, float]:
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
