"""The catalogue, and that every file made from it is as it would be made now."""

from __future__ import annotations

import pytest

from lakelab import render
from lakelab.catalogue import TABLES, Kind, Personal, personal_columns, table
from lakelab.settings import REPOSITORY

ELEVEN = [
    *("campuses", "students", "professors", "subjects", "lessons", "attendances", "grades", "apprenticeships"),
    *("companies", "events", "audiences"),
]


def test_has_the_eleven_tables_of_the_school():
    assert sorted(t.name for t in TABLES) == sorted(ELEVEN)


def test_students_begin_with_the_columns_of_the_original_files():
    assert table("students").column_names[:11] == (
        *("id", "first_name", "last_name", "email", "personal_email", "gender", "date_of_birth", "join_date"),
        *("left_date", "campus_id", "promotion"),
    )


def test_grades_have_the_columns_of_the_original_files():
    assert table("grades").column_names == ("id", "student_id", "subject", "date", "grade")


def test_a_table_comes_after_those_it_refers_to():
    seen: set[str] = set()
    for t in TABLES:
        assert set(t.references) <= seen, t.name
        seen.add(t.name)


@pytest.mark.parametrize("path", sorted(render.derived_files()))
def test_derived_file_is_up_to_date(path):
    committed = (REPOSITORY / path).read_text(encoding="utf-8")
    assert committed == render.derived_files()[path], f"run `make render`: {path} differs from the catalogue"


def test_every_name_and_email_is_marked_as_personal():
    marked = {(t.name, c.name) for t, c in personal_columns()}
    for t in TABLES:
        for c in t.columns:
            person = t.name in ("students", "professors", "audiences")
            if "email" in c.name or c.name == "student_id" or (person and c.name in ("id", "first_name", "last_name")):
                assert (t.name, c.name) in marked, f"{t.name}.{c.name}"


def test_emails_are_contacts():
    emails = [c for _, c in personal_columns() if "email" in c.name]
    assert len(emails) == 4
    assert {c.personal for c in emails} == {Personal.CONTACT}


def test_text_may_not_be_empty_in_the_erp_so_an_empty_field_is_null():
    checks = "\n".join(render.erp_constraints())
    for t in TABLES:
        for c in t.columns:
            if c.kind is Kind.TEXT and not c.choices:
                assert f"ADD CONSTRAINT {t.name}_{c.name}_check CHECK (\"{c.name}\" <> '')" in checks


def test_constraints_of_a_column_with_bounds():
    assert (
        'ALTER TABLE public.grades ADD CONSTRAINT grades_grade_check CHECK ("grade" >= 0 AND "grade" <= 100)'
        in render.erp_constraints()
    )


def test_every_foreign_key_is_indexed_or_covered():
    statements = "\n".join(render.erp_constraints())
    assert "CREATE INDEX grades_student_id_idx" in statements
    assert "CREATE INDEX attendances_student_id_idx" in statements
    assert "attendances_lesson_id_idx" not in statements  # the unique key (lesson_id, student_id) serves it


def test_the_unloader_may_read_and_nothing_else():
    grants = render.erp_grants("owner", "reader")
    to_reader = {g.split(" ON ")[0] for g in grants if g.endswith("TO reader")}
    assert to_reader == {"GRANT USAGE", "GRANT SELECT"}
