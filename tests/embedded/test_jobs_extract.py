"""Students without names: the pseudonym, the recruiting event and the figures of tiny tables."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

import pytest
from job_files import load_job

from lakelab.errors import LabError

job = load_job("extract_students_staging_to_public")
STUDENT = (
    "id int, personal_email string, gender string, date_of_birth date, join_date date, left_date date, "
    "campus_id int, promotion string, origin_institution string, status string, exit_reason string, "
    "competing_school string, hired_date date, hired_company_id int, average_grade decimal(12,2)"
)


def frame(spark, schema, *rows):
    return spark.createDataFrame(list(rows), schema)


def student(number, mail=None, joined=date(2020, 9, 15), left=None, hired=None, company=None):
    born, status = date(1999, 12, 31), "graduated" if left else "enrolled"
    return (number, mail, "Mme", born, joined, left, 1, "MSC1", "Lycée A", status, None, None, hired, company, None)


def rows_by(found, key):
    return {row[key]: row for row in found.collect()}


@pytest.mark.parametrize("key", ["00" * 16, "0f" * 24, "a1" * 32, "ff" * 64, "5c" * 65, "36" * 100])
def test_pseudonyms_are_those_of_pythons_hmac(spark, key):
    pads = job.pads(frame(spark, "value string", (key,)))
    ids = frame(spark, "id int", (1,), (822491,), (2147483647,))
    found = ids.crossJoin(pads).select("id", job.pseudonym(ids["id"]).alias("name"))
    expected = {
        number: hmac.new(bytes.fromhex(key), str(number).encode(), hashlib.sha256).hexdigest()
        for number in (1, 822491, 2147483647)
    }
    assert {row["id"]: row["name"] for row in found.collect()} == expected


def test_the_last_event_before_joining_recruits(spark):
    students = frame(spark, STUDENT, student(1, "Ann@x.fr"), student(2, "bob@x.fr"), student(3), student(4, "d@x.fr"))
    events = frame(
        spark,
        "id int, kind string, date date",
        (1, "fair", date(2020, 2, 1)),
        (2, "open day", date(2020, 3, 1)),
        (3, "webinar", date(2020, 9, 15)),
        (4, "fair", date(2020, 3, 1)),
    )
    audiences = frame(
        spark,
        "email string, event_id int",
        *[("ann@X.fr", 1), ("ANN@x.fr", 2), ("ann@x.fr", 3), ("ann@x.fr", 2)],  # 3 is on the join date: too late
        *[("bob@x.fr", 2), ("bob@x.fr", 4)],  # the same day: the higher number
        ("eve@x.fr", 1),
    )
    found = {row["id"]: tuple(row)[1:] for row in job.recruitment(students, audiences, events).collect()}
    assert found == {1: ("open day", 2), 2: ("fair", 4)}


def test_attendance_and_contracts(spark):
    attendances = frame(spark, "student_id int, present boolean", (1, True), (1, True), (1, False), (2, False))
    assert [tuple(row) for row in job.presence(attendances).orderBy("id").collect()] == [(1, 3, 66.7), (2, 1, 0.0)]
    contracts = frame(spark, "student_id int, company_id int", (1, 9), (1, 8), (1, 9), (2, 8))
    companies = frame(spark, "id int, region string", (8, "Nord"), (9, "Sud"))
    found = rows_by(job.contracts(contracts, companies), "id")
    assert (found[1]["contracts"], found[1]["apprenticeship_company_ids"]) == (3, [8, 9])
    assert sorted(found[1]["contract_regions"]) == ["Nord", "Sud", "Sud"]


@pytest.fixture(scope="module")
def public(spark):
    """Four students: one of whom much is known, one hired before leaving, one not hired, one who just joined."""
    students = frame(
        spark,
        STUDENT,
        student(1, joined=date(2018, 8, 31), left=date(2023, 6, 30), hired=date(2023, 9, 29), company=9),
        student(2, left=date(2023, 6, 30), hired=date(2023, 5, 1), company=8),
        student(3, left=date(2024, 1, 31)),
        student(4),
    )
    campuses = frame(spark, "id int, name string, region string", (1, "Lille", "Nord"))
    facts = [
        frame(spark, "id int, lessons int, attendance_rate double", (1, 10, 90.0)),
        frame(spark, "id int, recruited_by_event string, recruiting_event_id int", (1, "fair", 3)),
        frame(
            spark,
            "id int, contracts int, contract_regions array<string>, apprenticeship_company_ids array<int>",
            (1, 3, ["Nord", "Sud", "Nord"], [8, 9]),
        ),
    ]
    found = job.public(students, campuses, facts, frame(spark, "value string", ("00" * 16,)))
    names = {hmac.new(bytes(16), str(n).encode(), hashlib.sha256).hexdigest(): n for n in (1, 2, 3, 4)}
    return {names[row["pseudonym"]]: row for row in found.collect()}


def test_every_student_has_one_row_and_nothing_that_names_one(public):
    assert sorted(public) == [1, 2, 3, 4]
    assert not {"id", "first_name", "last_name", "email", "personal_email", "date_of_birth"} & set(public[1].asDict())


def test_dates_are_cut_and_births_banded(public):
    row = public[1]
    assert (row["join_month"], row["left_month"]) == (date(2018, 8, 1), date(2023, 6, 1))
    assert row["birth_years"] == "1995-1999"


def test_intakes_begin_in_september(public):
    assert public[1]["intake_year"] == 2017  # joined on 31 August 2018
    assert public[4]["intake_year"] == 2020


def test_months_to_hire(public):
    assert public[1]["months_to_hire"] == 3.0  # 91 days
    assert public[2]["months_to_hire"] == 0.0
    assert public[3]["months_to_hire"] is None
    assert public[4]["months_to_hire"] is None


def test_months_since_leaving_are_counted_to_the_last_date_known(public):
    assert [public[n]["months_since_left"] for n in (1, 3, 4)] == [7, 0, None]  # to 31 January 2024


def test_figures_are_joined_and_absent_ones_are_zero_or_empty(public):
    row = public[1]
    assert (row["lessons"], row["attendance_rate"]) == (10, 90.0)
    assert (row["recruited_by_event"], row["recruiting_event_id"]) == ("fair", 3)
    assert (row["contracts"], row["local_contracts"], row["apprenticeship_company_ids"]) == (3, 2, [8, 9])
    bare = public[4]
    assert (bare["lessons"], bare["attendance_rate"]) == (0, None)
    assert (bare["contracts"], bare["local_contracts"], bare["apprenticeship_company_ids"]) == (0, 0, [])


def test_a_key_is_needed(spark, tmp_path):
    with pytest.raises(LabError, match="no key for the pseudonyms"):
        job.read_key(spark, str(tmp_path / "missing.key"))


@pytest.mark.parametrize("text", ["", "secret", "00" * 15, "0" * 33])
def test_what_is_not_a_key_is_refused(spark, tmp_path, text):
    (tmp_path / "bad.key").write_text(text)
    with pytest.raises(LabError, match="not a key"):
        job.read_key(spark, str(tmp_path / "bad.key"))


def test_a_key_may_end_with_a_line_break(spark, tmp_path):
    (tmp_path / "good.key").write_text("ab" * 16 + "\n")
    assert job.read_key(spark, str(tmp_path / "good.key")).first()["value"] == "ab" * 16
