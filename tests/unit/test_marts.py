"""The marts of a small counted school, with exact values; Spark's part is tested in tests/embedded."""

from __future__ import annotations

import pytest

from lakelab.errors import LabError
from lakelab.marts import MARTS, Mart
from lakelab.marts.growth import area_rows, forecasts
from lakelab.marts.places import campuses, regions
from lakelab.marts.recruiting import competitors, events
from lakelab.marts.school import Campus, Company, Event, School, Search, Tally
from lakelab.marts.students import best_students, drop_outs
from lakelab.marts.work import companies, hiring

NOBODY = School(tallies={}, last_intake=2025)


def counted(dimension: str, **tallies: Tally) -> School:
    """A school of which one dimension was counted; an underscore in a name stands for a space."""
    found = {(name.replace("_", " "), ""): tally for name, tally in tallies.items()}
    return School(tallies={dimension: found}, last_intake=2025)


def only(rows, **wanted):
    """The one row with these values."""
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.table)
def test_a_school_without_students_has_empty_marts(mart):
    rows = mart.rows(NOBODY)
    assert [row for row in rows if row.get("students") or row.get("recruits")] == []


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.table)
def test_rows_have_the_columns_of_the_schema(mart):
    school = School(
        tallies={
            name: {("a", "2025"): Tally(students=9)}
            for name in ("region", "region intake", "campus", "employer", "competing school", "school", "source")
        },
        last_intake=2025,
        searches=[Search("school", "all graduates", 10, True, 9)],
        campuses=[Campus(1, "a", "a", 100, 900)],
    )
    columns = {column.split(" ")[0] for column in mart.schema.split(", ")}
    rows = mart.make(school)
    assert rows
    assert all(set(row) <= columns for row in rows)
    assert set().union(*rows) <= columns


def test_the_best_students_of_small_regions_are_one_row():
    rows = best_students(
        counted(
            "region",
            Nord=Tally(students=90, graded=80, grades=80 * 6150, best=8),
            Sud=Tally(students=4, graded=4, grades=4 * 7000, best=3),
            Est=Tally(students=3, graded=2, grades=2 * 5000, best=1),
        )
    )
    assert only(rows, category="Nord") == {
        "dimension": "region", "category": "Nord", "folded": 0, "students": 90, "graded_students": 80,
        "average_grade": 61.5, "best_students": 8,
    }  # fmt: skip
    other = only(rows, category="other")
    assert (other["folded"], other["students"], other["graded_students"]) == (2, 7, 6)
    assert other["average_grade"] == 63.33
    assert other["best_students"] is None  # four


def test_drop_outs_of_a_reason_are_compared_with_the_whole_school():
    school = School(
        tallies={
            "school": {("all students", ""): Tally(students=100, drop_outs=12)},
            "reason": {("money", ""): Tally(students=12, drop_outs=12, graded=12, grades=12 * 5500)},
        },
        last_intake=2025,
    )
    row = only(drop_outs(school), factor="reason")
    assert (row["students"], row["drop_outs"], row["average_grade"]) == (100, 12, 55.0)


def test_few_drop_outs_of_a_group_are_hidden():
    rows = drop_outs(counted("gender", Mme=Tally(students=40, drop_outs=4), M=Tally(students=60, drop_outs=0)))
    assert [(row["category"], row["drop_outs"]) for row in rows] == [("M", 0), ("Mme", None)]


PLACES = {
    "campuses": [
        Campus(1, "Lyon", "Rhône", 100, 900),
        Campus(2, "Valence", "Rhône", 50, 900),
        Campus(3, "Lille", "Nord", 80, 700),
        Campus(4, "Ajaccio", "Corse", 20, 50),
    ],
    "companies": [Company(1, "A", "it", "Rhône", 10), Company(2, "B", "it", "Corse", 5), Company(3, "C", "it", "X", 7)],
    "events": [Event(1, "fair", 10.0, 3, 0), Event(2, "fair", 10.0, 3, 0), Event(4, "fair", 10.0, 3, 0)],
}


def test_a_region_adds_up_its_campuses_but_not_its_youth():
    rhone = Tally(students=120, enrolled=60, apprentices=30, contracts=40, local_contracts=25)
    tallies = {"region": {("Rhône", ""): rhone}}
    row = only(regions(School(tallies=tallies, last_intake=2025, **PLACES)), region="Rhône")
    assert row == {
        "region": "Rhône", "folded": 0, "campuses": 2, "capacity": 150, "youth_population": 900, "events": 2,
        "companies": 1, "employees": 10, "students": 120, "enrolled": 60, "apprentices": 30, "contracts": 40,
        "local_contracts": 25,
    }  # fmt: skip


def test_a_region_without_students_keeps_its_row():
    row = only(regions(School(tallies={}, last_intake=2025, **PLACES)), region="Nord")
    assert (row["students"], row["capacity"], row["contracts"]) == (0, 80, 0)


def test_small_regions_are_added_up_and_few_apprentices_hide_their_contracts():
    tallies = {
        "region": {
            ("Rhône", ""): Tally(students=50),
            ("Nord", ""): Tally(students=4, apprentices=1, contracts=2),
            ("Corse", ""): Tally(students=3, apprentices=1, contracts=3),
        }
    }
    row = only(regions(School(tallies=tallies, last_intake=2025, **PLACES)), region="other regions")
    assert (row["folded"], row["students"], row["capacity"], row["youth_population"]) == (2, 7, 100, 750)
    assert (row["apprentices"], row["contracts"], row["local_contracts"]) == (None, None, None)


def test_campuses_are_compared_on_each_lever():
    def tally(enrolled: int, drop_outs: int) -> Tally:
        return Tally(
            students=100, enrolled=enrolled, drop_outs=drop_outs, graded=100, grades=600_000, followed=100,
            attendance=80_000,
        )  # fmt: skip

    tallies = {
        "campus": {("Lyon", ""): tally(80, 10), ("Valence", ""): tally(40, 20), ("Lille", ""): tally(64, 30)},
        "campus intake": {
            ("Lyon", "2025"): Tally(students=30),
            ("Lyon", "2024"): Tally(students=20),
            ("Lyon", "2023"): Tally(students=25),
            ("Lyon", "2021"): Tally(students=99),  # too long ago
        },
    }
    school = School(tallies=tallies, last_intake=2025, campuses=PLACES["campuses"][:3])
    rows = campuses(school)
    # Occupancy is 80% everywhere, averages and attendance too: drop-outs alone tell campuses apart (10, 20, 30%).
    lille = only(rows, campus="Lille")
    assert (lille["weakest_lever"], lille["gap"], lille["health"]) == ("drop-out rate", -1.0, -1.0)
    assert (lille["lever_value"], lille["school_value"]) == (30.0, 20.0)
    lyon = only(rows, campus="Lyon")
    assert lyon["health"] == 1.0
    assert (lyon["last_intake"], lyon["mean_intake_before"]) == (30, 15.0)
    assert (lyon["average_grade"], lyon["attendance_rate"], lyon["region"]) == (60.0, 80.0, "Rhône")


def test_one_campus_alone_has_nothing_to_be_compared_with():
    school = School(
        tallies={"campus": {("Lyon", ""): Tally(students=10)}}, last_intake=2025, campuses=PLACES["campuses"][:1]
    )
    (row,) = campuses(school)
    assert (row["health"], row["weakest_lever"]) == (None, None)


def test_kinds_of_event_and_students_whom_none_recruited():
    school = School(
        tallies={
            "source": {
                ("fair", ""): Tally(students=12, drop_outs=2, graded=12, grades=72_000),
                ("no event", ""): Tally(students=88, drop_outs=9),
            }
        },
        last_intake=2025,
        events=[Event(1, "fair", 100.5, 40, 6), Event(2, "fair", 200.0, 20, 5), Event(1, "webinar", 50.0, 3, 1)],
    )
    rows = events(school)
    assert only(rows, source="fair") == {
        "source": "fair", "events": 2, "cost": 300.5, "contacts": 60, "contacts_elsewhere": 11, "recruits": 12,
        "drop_outs": None, "average_grade": 60.0,
    }  # fmt: skip
    webinar = only(rows, source="webinar")
    assert (webinar["recruits"], webinar["contacts"], webinar["average_grade"]) == (0, None, None)
    none = only(rows, source="no event")
    assert (none["events"], none["cost"], none["contacts"], none["recruits"]) == (None, None, None, 88)


def test_competing_schools_with_the_main_reason():
    school = School(
        tallies={
            "competing school": {
                ("EPITA", "money"): Tally(students=6),
                ("EPITA", "moved"): Tally(students=2),
                ("Epitech", "moved"): Tally(students=4),
                ("Epitech", "money"): Tally(students=4),
                ("CESI", "money"): Tally(students=2),
                ("ESGI", "money"): Tally(students=3),
            }
        },
        last_intake=2025,
        contacts_lost={"EPITA": 7, "CESI": 2, "IUT": 9, "Tiny": 1},
    )
    rows = competitors(school)
    epita = only(rows, school="EPITA")
    assert (epita["students_lost"], epita["contacts_lost"]) == (8, 7)
    assert (epita["main_reason"], epita["main_reason_students"]) == ("money", 6)
    assert only(rows, school="Epitech")["main_reason"] is None  # four gave each of two reasons
    assert only(rows, school="IUT")["students_lost"] == 0
    other = only(rows, school="other schools")
    assert (other["folded"], other["students_lost"], other["contacts_lost"]) == (3, 5, None)
    assert (other["main_reason"], other["main_reason_students"]) == ("money", 5)


def search(months: int | None, graduates: int, observed: bool = True, category: str = "Nord") -> Search:
    return Search("region", category, months, observed, graduates)


def test_months_to_hire_with_and_without_those_who_wait():
    school = School(
        tallies={}, last_intake=2025,
        searches=[search(0, 2), search(20, 3), search(60, 1), search(75, 1), search(None, 2), search(10, 1, False)],
    )  # fmt: skip
    (row,) = hiring(school)
    # Ten graduates, eight hired after 0, 0, 1, 2, 2, 2, 6 and 7.5 months; one left less than six months ago.
    assert row == {
        "dimension": "region", "category": "Nord", "folded": 0, "graduates": 10, "hired": 8, "median_months": 2.0,
        "mean_months": 2.6, "months_until_half_hired": 2.0, "observed_6": 9, "hired_within_6": 6,
    }  # fmt: skip


def test_half_may_never_be_hired():
    school = School(tallies={}, last_intake=2025, searches=[search(10, 5), search(None, 6)])
    (row,) = hiring(school)
    assert (row["median_months"], row["months_until_half_hired"]) == (1.0, None)


def test_times_of_few_hires_are_not_told():
    school = School(tallies={}, last_intake=2025, searches=[search(10, 4), search(None, 6), search(20, 9, True, "Sud")])
    nord = only(hiring(school), category="Nord")
    assert (nord["graduates"], nord["hired"], nord["median_months"], nord["hired_within_6"]) == (10, None, None, None)


def test_companies_that_hire_few_are_one_row():
    school = School(
        tallies={
            "employer": {
                ("1", ""): Tally(students=7, kept=5, timed=7, months=7 * 25, graded=7, grades=7 * 6400),
                ("2", ""): Tally(students=4),
                ("3", ""): Tally(students=4),
            },
            "learned at": {("1", ""): Tally(students=11), ("2", ""): Tally(students=6), ("9", ""): Tally(students=50)},
        },
        last_intake=2025,
        companies=[Company(1, "Acme", "it", "Nord", 40), Company(2, "Acme", "bank", "Sud", 9)],
    )
    rows = companies(school)
    assert only(rows, company="Acme") == {
        "company": "Acme", "folded": 0, "sector": "it", "region": "Nord", "employees": 40, "hires": 7,
        "apprentices": 11, "kept_apprentices": 5, "average_grade": 64.0, "mean_months_to_hire": 2.5,
    }  # fmt: skip
    other = only(rows, company="other companies")
    assert (other["folded"], other["hires"], other["apprentices"], other["sector"]) == (2, 8, 6, None)


def test_an_intake_that_is_not_complete_is_left_out():
    intakes = {("all students", str(year)): Tally(students=100) for year in range(2016, 2027)}
    rows = forecasts(School(tallies={"school intake": intakes}, last_intake=2025))
    actual = [row["intake_year"] for row in rows if row["kind"] == "actual"]
    assert actual == list(range(2016, 2026))
    assert [row["intake_year"] for row in rows if row["kind"] == "forecast"] == [2026, 2027, 2028]
    assert {row["area"] for row in rows} == {"whole school"}


def test_small_intakes_are_hidden_and_missing_years_are_zero():
    rows = area_rows("Nord", {2020: 3, 2021: 10, 2023: 12}, last=2024)
    assert [(row["intake_year"], row["students"]) for row in rows if row["kind"] == "actual"] == [
        (2020, None), (2021, 10), (2022, 0), (2023, 12), (2024, 0),
    ]  # fmt: skip
    assert rows[0]["back_tests"] == 1


def test_a_mart_that_tells_of_few_persons_is_not_published():
    mart = Mart("mart_bad", "hires int", lambda _: [{"hires": 4}], ("hires",))
    with pytest.raises(LabError, match="mart_bad"):
        mart.rows(NOBODY)
