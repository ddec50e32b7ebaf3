"""students.py runs alone on EMR, so it repeats two tables of the catalogue: they must not drift apart."""

from job_files import load_job

from lakelab.catalogue import table
from lakelab.render import spark_schema

students = load_job("students")


def test_columns_and_types_are_those_of_the_catalogue():
    assert spark_schema(table("students")) == students.STUDENTS
    assert spark_schema(table("grades")) == students.GRADES


def test_optional_columns_are_those_of_the_catalogue():
    nullable = [c.name for name in ("students", "grades") for c in table(name).columns if c.nullable]
    assert list(students.OPTIONAL) == nullable


def test_range_of_grades_is_that_of_the_catalogue():
    grade = table("grades").column("grade")
    assert (grade.minimum, grade.maximum) == (0, 100)
