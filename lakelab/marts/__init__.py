"""The marts: one Parquet table per business question, or two, made from the students without names.

`MARTS` lists them; `spark-jobs/marts.py` builds, checks and publishes them; `hive/questions/` asks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame

from lakelab.marts import growth, places, recruiting, students, work
from lakelab.marts.sources import Sources


@dataclass(frozen=True)
class Mart:
    """A mart's table, what makes it, and its columns that count persons (in the rows that meet `where`)."""

    table: str
    build: Callable[[Sources], DataFrame]
    persons: tuple[str, ...]
    where: str = "true"


# The slowest first, so that two threads end together.
MARTS = (
    Mart(
        "mart_campuses", places.campuses, ("students", "enrolled", "drop_outs", "recruits", "last_intake")
    ),
    Mart("mart_hiring", work.hiring, ("graduates", "hired", "observed_6", "hired_within_6")),
    Mart("mart_companies", work.companies, ("hires", "apprentices", "kept_apprentices")),
    Mart("mart_regions", places.regions, ("students", "enrolled", "apprentices")),
    Mart(
        "mart_competitors", recruiting.competitors, ("students_lost", "contacts_lost", "main_reason_students")
    ),
    Mart("mart_drop_outs", students.drop_outs, ("students", "drop_outs")),
    Mart("mart_best_students", students.best_students, ("students", "graded_students", "best_students")),
    Mart("mart_events", recruiting.events, ("contacts", "contacts_elsewhere", "recruits", "drop_outs")),
    Mart("mart_forecast", growth.forecasts, ("students",), where="kind = 'actual'"),
)
