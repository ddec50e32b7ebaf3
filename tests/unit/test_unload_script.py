"""Unload scripts are checked before they reach the ERP."""

import pytest

from lakelab.errors import LabError
from lakelab.script import Script


def test_a_range_of_pages_stands_where_the_marker_was() -> None:
    script = Script.parse("SELECT id FROM public.grades /*slice*/\nORDER BY 1;\n", "grades")

    assert script.slice((0, 7)) == "SELECT id FROM public.grades WHERE ctid >= '(0,0)' AND ctid < '(7,0)'\nORDER BY 1"
    assert script.slice((7, None)) == "SELECT id FROM public.grades WHERE ctid >= '(7,0)'\nORDER BY 1"


@pytest.mark.parametrize(
    "sql",
    [
        r"""-- first; second /*slice*/
        SELECT replace(name, '\', ';/*slice*/'), E'it\'s; /*slice*/', ";" FROM public.grades /*slice*/""",
        "/* a; note */ WITH x AS (SELECT 1) SELECT $a$;'/*slice*/$a$ FROM public.grades /*slice*/ ; -- the end",
        "select ';''/*slice*/' from public.grades /*slice*/",
    ],
)
def test_strings_and_comments_may_hold_anything(sql: str) -> None:
    cut = sql.rindex("/*slice*/")
    assert Script.parse(sql, "grades").before == sql[:cut]


@pytest.mark.parametrize(
    "sql",
    ["", "-- nothing", "DELETE FROM public.grades /*slice*/", "TABLE grades /*slice*/", "COPY x TO 'y' /*slice*/",
     "SELECT 1 FROM public.grades /*slice*/; SELECT 2", "SELECT 1 /*slice*/; DROP TABLE public.grades"],
)  # fmt: skip
def test_anything_but_one_select_is_refused(sql: str) -> None:
    with pytest.raises(LabError, match=r"^the unload script is not a single SELECT \(unload_grades.sql\): keep"):
        Script.parse(sql, "grades")


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM public.grades", "SELECT '/*slice*/' FROM public.grades", "SELECT 1 FROM a /*slice*/, b /*slice*/",
     "SELECT * FROM public.grades -- /*slice*/"],
)  # fmt: skip
def test_the_marker_must_be_there_once(sql: str) -> None:
    with pytest.raises(LabError, match=r"needs /\*slice\*/ once \(unload_grades.sql\): write FROM public.grades"):
        Script.parse(sql, "grades")


def test_a_marker_after_the_end_is_refused() -> None:
    with pytest.raises(LabError, match="stands after the SELECT"):
        Script.parse("SELECT * FROM public.grades; /*slice*/", "grades")
