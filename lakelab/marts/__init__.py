"""The marts: a small Parquet table or two per business question, made from the counted school.

`MARTS` lists them; `spark-jobs/marts.py` builds, checks and publishes them; `hive/questions/` asks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lakelab.anonymity import check
from lakelab.marts import growth, places, recruiting, students, work
from lakelab.marts.school import Row, School


@dataclass(frozen=True)
class Mart:
    """A mart's table, its columns as a Spark DDL string, what makes its rows, and which columns count persons."""

    table: str
    schema: str
    make: Callable[[School], list[Row]]
    persons: tuple[str, ...]
    where: str = "true"  # SQL: the rows in which these columns count persons

    def rows(self, school: School) -> list[Row]:
        """The mart's rows; LabError where one tells of less than k persons."""
        found = self.make(school)
        check(found, self.table, self.persons)
        return found


MARTS = (
    Mart(
        "mart_best_students",
        "dimension string, category string, folded int, students int, graded_students int, "
        "average_grade double, best_students int",
        students.best_students,
        ("students", "graded_students", "best_students"),
    ),
    Mart(
        "mart_drop_outs",
        "factor string, category string, folded int, students int, drop_outs int, average_grade double, "
        "attendance_rate double",
        students.drop_outs,
        ("students", "drop_outs"),
    ),
    Mart(
        "mart_regions",
        "region string, folded int, campuses int, capacity int, youth_population int, events int, companies int, "
        "employees int, students int, enrolled int, apprentices int, contracts int, local_contracts int",
        places.regions,
        ("students", "enrolled", "apprentices"),
    ),
    Mart(
        "mart_campuses",
        "campus string, folded int, region string, capacity int, events int, students int, enrolled int, "
        "drop_outs int, recruits int, last_intake int, mean_intake_before double, average_grade double, "
        "attendance_rate double, health double, weakest_lever string, gap double, lever_value double, "
        "school_value double",
        places.campuses,
        ("students", "enrolled", "drop_outs", "recruits", "last_intake"),
    ),
    Mart(
        "mart_events",
        "source string, events int, cost double, contacts int, contacts_elsewhere int, recruits int, drop_outs int, "
        "average_grade double",
        recruiting.events,
        ("contacts", "contacts_elsewhere", "recruits", "drop_outs"),
    ),
    Mart(
        "mart_hiring",
        "dimension string, category string, folded int, graduates int, hired int, median_months double, "
        "mean_months double, months_until_half_hired double, observed_6 int, hired_within_6 int",
        work.hiring,
        ("graduates", "hired", "observed_6", "hired_within_6"),
    ),
    Mart(
        "mart_companies",
        "company string, folded int, sector string, region string, employees int, hires int, apprentices int, "
        "kept_apprentices int, average_grade double, mean_months_to_hire double",
        work.companies,
        ("hires", "apprentices", "kept_apprentices"),
    ),
    Mart(
        "mart_competitors",
        "school string, folded int, students_lost int, contacts_lost int, average_grade double, main_reason string, "
        "main_reason_students int",
        recruiting.competitors,
        ("students_lost", "contacts_lost", "main_reason_students"),
    ),
    Mart(
        "mart_forecast",
        "area string, intake_year int, kind string, students double, low_80 double, high_80 double, low_95 double, "
        "high_95 double, model string, mae_model double, mae_naive double, back_tests int",
        growth.forecasts,
        ("students",),
        where="kind = 'actual'",  # a forecast is of nobody
    ),
)
