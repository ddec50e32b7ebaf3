"""A school's files become the ERP: all of them, or none."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg2
import pytest
from erp_server import SCHOOL, Erp

from lab import erp
from lakelab.catalogue import TABLES
from lakelab.errors import LabError


def edit(folder: Path, table: str, old: str, new: str) -> None:
    path = folder / f"{table}.csv"
    content = path.read_bytes().decode()
    assert old in content
    path.write_bytes(content.replace(old, new, 1).encode())


def refused(erp_server: Erp, folder: Path) -> str:
    """The one line that a refused load says; the ERP must be as before."""
    before = erp_server.execute("SELECT array_agg(s ORDER BY id)::text FROM students s")
    with pytest.raises(LabError) as caught:
        erp_server.load(folder)
    assert erp_server.execute("SELECT array_agg(s ORDER BY id)::text FROM students s") == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_value_arrives(erp_server: Erp, school: Path) -> None:
    rows = erp_server.load(school)

    assert rows == {
        "campuses": 1, "companies": 1, "subjects": 2, "students": 3, "professors": 1, "lessons": 2,
        "attendances": 3, "grades": 3, "apprenticeships": 1, "events": 1, "audiences": 1,
    }  # fmt: skip
    assert erp_server.execute("SELECT first_name, last_name, personal_email FROM students ORDER BY id") == [
        ("Zoë", 'O"Neil, Jr', "z@free.fr"),
        ("Jean\nLuc", "Back\\slash\\n", None),
        ("a\r\nb", "Łódź 学", "c@free.fr"),
    ]
    assert erp_server.execute("SELECT grade::text FROM grades ORDER BY id") == [("62.0",), ("100.0",), (None,)]


def test_a_second_load_replaces_and_keeps_the_unloaders_right(loaded: Erp, school: Path) -> None:
    edit(school, "grades", "62.0", "63.5")
    loaded.load(school)

    unloader = loaded.unloader()
    with unloader.cursor() as cursor:
        cursor.execute("SELECT sum(grade)::text, count(*) FROM public.grades")
        assert cursor.fetchone() == ("163.5", 3)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("UPDATE public.grades SET grade = 0")
    unloader.close()


def test_keys_checks_and_references_hold_afterwards(loaded: Erp) -> None:
    kinds = loaded.execute(
        "SELECT contype::text, count(*) FROM pg_constraint"
        " WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace GROUP BY 1"
    )
    assert dict(kinds) == {"p": 11, "f": sum(len(table.references) for table in TABLES)}
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        loaded.execute("INSERT INTO grades VALUES (9, 77, '5DATA', '2022-01-01', 1)")
    with pytest.raises(psycopg2.errors.CheckViolation):
        loaded.execute("UPDATE students SET first_name = ''")


def test_a_bom_and_windows_line_ends_are_accepted(erp_server: Erp, school: Path) -> None:
    path = school / "subjects.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    erp_server.load(school)
    assert erp_server.execute("SELECT id, level FROM subjects ORDER BY id") == [("4ARCH", "MSC1"), ("5DATA", "MSC2")]


def test_nobody_reads_half_a_school(loaded: Erp, school: Path) -> None:
    """The load reports its bytes from inside its transaction: there another session has to wait for it."""
    edit(school, "grades", "62.0", "1.0")
    impatient = "SET lock_timeout = '20ms'; SELECT grade FROM grades"
    waited = []

    def look(what: str, done: int, total: int | None) -> None:
        if what == "audiences":
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                loaded.execute(impatient)
            waited.append(done)

    erp.load(loaded.owner, school, progress=look)
    assert len(waited) == 1
    assert loaded.execute("SELECT grade::text FROM grades WHERE id = 1") == [("1.0",)]


def test_ctrl_c_amid_the_rows_is_no_error_of_the_files(loaded: Erp, school: Path) -> None:
    def interrupt(what: str, done: int, total: int | None) -> None:
        signal.raise_signal(signal.SIGINT)

    edit(school, "students", "zoe@supinfo.com", "changed@supinfo.com")
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            erp.load(loaded.owner, school, progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, former)
    assert loaded.execute("SELECT email FROM students WHERE id = 1") == [("zoe@supinfo.com",)]


def test_progress_counts_all_bytes(erp_server: Erp, school: Path) -> None:
    said: list[tuple[str, int, int | None]] = []
    erp.load(erp_server.owner, school, progress=lambda *each: said.append(each))

    total = sum(path.stat().st_size for path in school.iterdir())
    copied = [each for each in said if each[0] in SCHOOL]
    assert [each[0] for each in copied] == [table.name for table in TABLES]
    assert copied[-1] == ("audiences", total, total)
    assert said[-1][0] == "keys and indexes"
    assert said[-1][1] == said[-1][2]


def test_a_missing_file_is_named(loaded: Erp, school: Path) -> None:
    (school / "lessons.csv").unlink()
    assert refused(loaded, school).startswith(f"lessons.csv is missing ({school}): put there campuses.csv, ")


def test_another_header_is_named(loaded: Erp, school: Path) -> None:
    edit(school, "events", "kind,date", "date,kind")
    assert refused(loaded, school) == (
        f"the header of events.csv differs: date stands where kind belongs ({school}): "
        "first line must be id,name,kind,date,campus_id,cost"
    )


def test_a_missing_last_column_is_named(loaded: Erp, school: Path) -> None:
    edit(school, "events", ",cost", "")
    assert "events.csv differs: nothing stands where cost belongs" in refused(loaded, school)


def test_a_file_in_another_encoding_is_named(loaded: Erp, school: Path) -> None:
    path = school / "companies.csv"
    path.write_bytes(path.read_bytes().decode().encode("latin-1"))
    assert "companies.csv" in refused(loaded, school)


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        ("grades", ",62.0", ",Zoë", "grades.csv line 2, column grade: invalid input syntax for type numeric ("),
        ("grades", "2,1,4ARCH", ",1,4ARCH", 'grades.csv line 3: null value in column "id" of relation "grades"'),
        ("grades", ",62.0", ",62.0,7", "grades.csv line 2: extra data after last expected column ("),
        ("grades", ",62.0", "", 'grades.csv line 2: missing data for column "grade" ('),
        ("grades", "2022-01-10", "2022-02-30", "grades.csv line 2, column date: date/time field value out of range"),
        ("grades", "3,2,5DATA", "1,2,5DATA", "grades: id 1 is there 2 times (grades_pkey): correct grades.csv"),
        ("students", "jl@", "zoe@", "students: rows 1 and 2 have the same email (students_email_key): correct"),
        ("attendances", "3,2,1,t", "3,1,1,t", "attendances: rows 1 and 3 have the same lesson_id, student_id (attend"),
        ("grades", "3,2,", "3,9,", "grades: row 3 names student_id 9, which is not in students (grades_stud"),
        ("grades", ",62.0", ",162.0", "grades: row 1 breaks grade >= 0 AND grade <= 100 (grades_grade_check): correct"),
        ("students", ",Mme,", ",Frau,", "students: row 1 breaks gender IN ('Mme', 'M.') (students_gender_check)"),
        ("students", "1,Zoë", '1,""', "students: row 1 breaks first_name <> '' (students_first_name_check)"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_changes(
    loaded: Erp, school: Path, table: str, old: str, new: str, said: str
) -> None:
    edit(school, table, old, new)
    line = refused(loaded, school)
    assert line.startswith(said)
    assert "@" not in line


def test_several_bad_rows_are_counted(loaded: Erp, school: Path) -> None:
    path = school / "grades.csv"
    path.write_bytes(path.read_bytes().replace(b",5DATA,", b",6DATA,"))
    said = "row 1 names subject 6DATA, which is not in subjects, and 1 more (grades_subject_fkey)"
    assert said in refused(loaded, school)


def test_what_depends_on_the_tables_is_named(loaded: Erp, school: Path) -> None:
    loaded.execute("CREATE VIEW public.mine AS SELECT id FROM public.grades")
    try:
        line = refused(loaded, school)
    finally:
        loaded.execute("DROP VIEW public.mine")
    said = "something else in the ERP depends on its tables (view mine depends on table grades)"
    assert line == f"{said}: drop that first, then load"


def test_an_erp_in_use_is_not_waited_for_forever(loaded: Erp, school: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erp, "PATIENCE", "50ms")
    reader = loaded.unloader()
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.grades")
        with pytest.raises(LabError, match="the ERP is in use"):
            loaded.load(school)
    reader.close()
