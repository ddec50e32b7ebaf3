"""Question 10: students per intake, and the forecast of the next ones."""

from __future__ import annotations

import json
from itertools import groupby

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakelab.anonymity import K, fold
from lakelab.forecast import DAMPING, back_test, forecast
from lakelab.marts.sources import Sources

SCHOOL = "whole school"
MODEL = f"log-linear trend, damped by {DAMPING}"
SCHEMA = (
    "area string, intake_year int, kind string, students double, low_80 double, high_80 double, "
    "low_95 double, high_95 double, model string, mae_model double, mae_naive double, back_tests int"
)


def last_intake(students: DataFrame) -> DataFrame:
    """One row with `last`: the last intake year that is complete.

    Intakes run from September to August and are complete for practice once the data reach the next February: later
    joiners are few, while an intake cut off in autumn would look like a collapse.
    """
    known_until = F.max(F.greatest("join_month", F.coalesce("left_month", "join_month")))
    return students.agg(F.year(F.add_months(known_until, -13)).alias("last"))


def intakes(students: DataFrame) -> DataFrame:
    """area, intake_year and students, for each published region and the whole school, complete intakes only."""
    regions = students.groupBy("region").agg(F.count("*").alias("students"))
    labels = fold(regions, "region", "students", "other regions").select("region", "label")
    joined = students.join(F.broadcast(labels), on="region", how="left").crossJoin(F.broadcast(last_intake(students)))
    areas = F.explode(F.array(F.lit(SCHOOL), F.col("label"))).alias("area")
    return (
        joined.where("intake_year <= last")
        .select(areas, "intake_year")
        .where("area IS NOT NULL")
        .groupBy("area", "intake_year")
        .agg(F.count("*").alias("students"))
    )


def forecasts(sources: Sources) -> DataFrame:
    """Actual and forecast intakes of each area; an actual one of one to k-1 students is left empty."""
    found = intakes(sources.students).orderBy("area", "intake_year").collect()
    series = {
        area: {int(row["intake_year"]): int(row["students"]) for row in rows}
        for area, rows in groupby(found, key=lambda row: str(row["area"]))
    }
    last = max((max(years) for years in series.values()), default=0)
    rows = [row for area, years in series.items() for row in area_rows(area, years, last)]
    # As one JSON text: a frame from Python objects would start Python workers for these few rows.
    text = F.lit(json.dumps(rows))
    return sources.students.sparkSession.range(1).select(F.inline(F.from_json(text, f"array<struct<{_fields()}>>")))


def _fields() -> str:
    return ", ".join(column.replace(" ", ":") for column in SCHEMA.split(", "))


def area_rows(area: str, students: dict[int, int], last: int) -> list[dict[str, object]]:
    """The area's rows, from its first intake to `last` and on; a year in between without students counts as 0."""
    years = list(range(min(students), last + 1))
    counts = [students.get(year, 0) for year in years]
    tested = back_test(counts)
    quality = {
        "model": MODEL,
        "mae_model": round(tested.model, 1) if tested else None,
        "mae_naive": round(tested.naive, 1) if tested else None,
        "back_tests": tested.origins if tested else 0,
    }
    rows: list[dict[str, object]] = [
        {"area": area, "intake_year": year, "kind": "actual", "students": None if 0 < count < K else count, **quality}
        for year, count in zip(years, counts, strict=True)
    ]
    for point in forecast(counts):
        bounds = {name: round(getattr(point, name), 1) for name in ("low_80", "high_80", "low_95", "high_95")}
        rows.append(
            {"area": area, "intake_year": last + point.ahead, "kind": "forecast", "students": round(point.value, 1)}
            | bounds
            | quality
        )
    return rows
