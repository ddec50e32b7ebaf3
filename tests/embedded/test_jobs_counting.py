"""Spark's part of the marts: counting groups of tiny tables, with exact sums."""

from __future__ import annotations

from datetime import date

import pytest

from lakelab.marts import counting
from lakelab.marts.school import Tally

PUBLIC = (
    "region string, campus string, promotion string, gender string, origin_institution string, join_month date, "
    "left_month date, intake_year int, status string, exit_reason string, competing_school string, "
    "average_grade double, attendance_rate double, recruited_by_event string, months_to_hire double, "
    "months_since_left int, hired_company_id int, contracts int, local_contracts int, "
    "apprenticeship_company_ids array<int>"
)
ANN = (
    *("Nord", "Lille", "MSC2", "Mme", "IUT", date(2018, 9, 1), date(2023, 6, 1), 2018, "graduated", None, None),
    *(70.25, 95.5, "fair", 6.0, 20, 8, 2, 1, [8, 9]),
)
BOB = (
    *("Nord", "Lille", "BSC1", "M.", "IUT", date(2024, 9, 1), date(2025, 1, 1), 2024, "dropped_out", None, "EPITA"),
    *(39.99, 60.0, None, None, 1, None, 0, 0, []),
)
EVE = (
    *("Sud", "Nice", "BSC1", "Mme", "Lycée", date(2024, 9, 1), None, 2024, "enrolled", None, None),
    *(None, None, None, None, None, None, 1, 1, [9]),
)


@pytest.fixture(scope="module")
def students(spark):
    return spark.createDataFrame([ANN, BOB, EVE], PUBLIC)


@pytest.fixture(scope="module")
def found(students):
    rows = counting.tallies(students, 70.25).collect()
    return {tuple(row)[:3]: Tally(*tuple(row)[3:]) for row in rows}


def test_the_whole_school(found):
    assert found["school", "all students", ""] == Tally(
        students=3, enrolled=1, graduated=1, drop_outs=1, graded=2, grades=7025 + 3999, best=1, followed=2,
        attendance=955 + 600, recruits=1, apprentices=2, contracts=3, local_contracts=2, kept=1, timed=1, months=60,
    )  # fmt: skip


def test_groups_of_a_region_and_its_intakes(found):
    assert found["region", "Nord", ""].students == 2
    assert {key for key in found if key[0] == "region intake"} == {
        ("region intake", "Nord", "2018"),
        ("region intake", "Nord", "2024"),
        ("region intake", "Sud", "2024"),
    }


def test_bands_have_their_lower_bound_and_a_name_for_what_is_missing(found):
    assert {key[1] for key in found if key[0] == "average grade"} == {"70 and more", "below 40", "no grade"}
    assert {key[1] for key in found if key[0] == "attendance"} == {"90% and more", "60 to 70%", "no lessons"}


def test_only_drop_outs_have_a_reason_and_those_lost_a_school(found):
    assert {key for key in found if key[0] == "reason"} == {("reason", "not stated", "")}
    assert {key for key in found if key[0] == "competing school"} == {("competing school", "EPITA", "not stated")}


def test_each_company_of_an_apprenticeship_counts(found):
    assert found["learned at", "9", ""].students == 2
    assert found["learned at", "8", ""].students == 1
    assert found["employer", "8", ""].kept == 1


def test_nobody_is_among_the_best_where_nobody_has_a_grade(spark):
    (row,) = counting.tallies(spark.createDataFrame([EVE], PUBLIC), None).where("dimension = 'school'").collect()
    assert (row["best"], row["graded"]) == (0, 0)


def test_the_last_complete_intake_is_known_by_february(spark):
    def last(*months):
        frame = spark.createDataFrame([(month, None) for month in months], "join_month date, left_month date")
        return frame.agg(counting.known_until()).first()[0]

    assert last(date(2020, 9, 1), date(2026, 2, 1)) == 2025
    assert last(date(2020, 9, 1), date(2026, 1, 1)) == 2024
    assert last() is None


def test_searches_of_graduates(students):
    rows = {tuple(row) for row in counting.searches(students).collect()}
    assert rows == {
        ("school", "all graduates", 60, True, 1),
        ("region", "Nord", 60, True, 1),
        ("apprenticeship", "with contract", 60, True, 1),
        ("average grade", "70 and more", 60, True, 1),
        ("year of leaving", "2023", 60, True, 1),
    }


def test_events_without_contacts_are_kept(spark):
    schema = "id int, campus_id int, kind string, cost double"
    held = spark.createDataFrame([(1, 7, "fair", 10.5), (2, 7, "webinar", 0.0)], schema)
    audiences = spark.createDataFrame(
        [(1, "a@x.fr", None), (1, "b@x.fr", "EPITA"), (1, "B@x.fr", "EPITA")],
        "event_id int, email string, chosen_school string",
    )
    assert {tuple(row) for row in counting.events(held, audiences).collect()} == {
        (7, "fair", 10.5, 3, 2),
        (7, "webinar", 0.0, 0, 0),
    }
    assert [tuple(row) for row in counting.contacts_lost(audiences).collect()] == [("EPITA", 1)]
