"""Question 10: students per intake, and the forecast of the next ones."""

from __future__ import annotations

from lakelab.anonymity import hide
from lakelab.forecast import DAMPING, back_test, forecast
from lakelab.marts.school import Row, School, groups

SCHOOL = "whole school"
MODEL = f"log-linear trend, damped by {DAMPING}"


def forecasts(school: School) -> list[Row]:
    """Actual and forecast intakes of the school and of each region, complete intakes only."""
    areas: dict[str, tuple[str, tuple[str, ...]]] = {SCHOOL: ("school intake", ("all students",))}
    areas |= {g.label: ("region intake", g.members) for g in groups(school.by("region"), "other regions")}
    rows: list[Row] = []
    for area, (dimension, members) in areas.items():
        students: dict[int, int] = {}
        for (category, year), tally in school.tallies.get(dimension, {}).items():
            if category in members and int(year) <= school.last_intake:
                students[int(year)] = students.get(int(year), 0) + tally.students
        rows += area_rows(area, students, school.last_intake)
    return rows


def area_rows(area: str, students: dict[int, int], last: int) -> list[Row]:
    """The area's rows, from its first intake to `last` and on; a year in between without students counts as 0.

    An actual intake of one to k-1 students is left empty.
    """
    if not students:
        return []
    years = list(range(min(students), last + 1))
    counts = [students.get(year, 0) for year in years]
    tested = back_test(counts)
    quality: Row = {
        "model": MODEL,
        "mae_model": round(tested.model, 1) if tested else None,
        "mae_naive": round(tested.naive, 1) if tested else None,
        "back_tests": tested.origins if tested else 0,
    }
    rows: list[Row] = [
        {"area": area, "intake_year": year, "kind": "actual", "students": hide(count)} | quality
        for year, count in zip(years, counts, strict=True)
    ]
    for point in forecast(counts):
        numbers = {
            "students": point.value,
            "low_80": point.low_80,
            "high_80": point.high_80,
            "low_95": point.low_95,
            "high_95": point.high_95,
        }
        rows.append(
            {"area": area, "intake_year": last + point.ahead, "kind": "forecast"}
            | {name: round(value, 1) for name, value in numbers.items()}
            | quality
        )
    return rows
