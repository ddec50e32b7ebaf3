"""A school's own files: what is taken, what is refused, on which line and why."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from lakelab.catalogue import TABLES
from lakelab.errors import LabError
from seed import records
from seed.check import CheckReport, check_folder

GOOD = {
    "campuses": ["1,Paris,Paris,Île-de-France,2006-09-04,500,2431"],
    "companies": ["7,Martin SA,software,Paris,Île-de-France,120"],
    "subjects": ["5DATA,Data Engineering,MSC2", "4ARCH,AWS Architecture,MSC1"],
    "students": [
        "822491,Alexa,Reid,Alexa.Reid@supinfo.com,a.reid@mel.example,Mme,1980-12-02,2018-01-24,2021-10-26,1,MSC1,"
        "IUT de Lille,graduated,,,2021-11-02,7",
        "822492,Zoé,Noël,Zoe.Noel@supinfo.com,,Mme,2001-02-03,2024-09-09,,1,BSC2,Lycée Marie Curie,enrolled,,,,",
    ],
    "professors": ["1,Ada,Roy,Ada.Roy@prof.supinfo.com,1,2010-09-01"],
    "lessons": ["1,5DATA,2019-01-07,1,1", "2,5DATA,2019-01-14,1,1"],
    "attendances": ["1,1,822491,t", "2,2,822491,f"],
    "grades": ["1,822491,5DATA,2019-06-11,62.0", "2,822491,5DATA,2019-06-12,"],
    "apprenticeships": ["1,822491,7,2019-10-01,2020-06-30,webmestre"],
    "events": ["1,Salon de Paris,fair,2017-11-18,1,2500.00"],
    "audiences": ["1,1,Alexa,Reid,a.reid@mel.example,high,"],
}  # fmt: skip
HEADERS = {t.name: ",".join(t.column_names) for t in TABLES}

Check = Callable[..., CheckReport]


class Files:
    """The eleven files of a tiny school, to be spoilt by a test and checked."""

    def __init__(self, base: Path) -> None:
        self.folder, self.refused, self.clean = base / "own", base / "refused", base / "clean"
        self.folder.mkdir()
        for name, lines in GOOD.items():
            self.write(name, "\n".join([HEADERS[name], *lines]) + "\n")

    def write(self, name: str, content: str | bytes) -> None:
        raw = content if isinstance(content, bytes) else content.encode()
        (self.folder / f"{name}.csv").write_bytes(raw)

    def add(self, name: str, *lines: str) -> None:
        with (self.folder / f"{name}.csv").open("a", encoding="utf-8", newline="") as file:
            file.writelines(line + "\n" for line in lines)

    def check(self) -> CheckReport:
        return check_folder(self.folder, refused=self.refused, clean=self.clean)

    def refusals(self, name: str) -> list[tuple[int, str, str]]:
        with (self.refused / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            assert next(rows) == ["line", "reason", "record"]
            return [(int(line), reason, record) for line, reason, record in rows]

    def clean_lines(self, name: str) -> list[str]:
        return (self.clean / f"{name}.csv").read_text(encoding="utf-8").split("\n")[1:-1]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_good_files_pass_unchanged(files: Files) -> None:
    report = files.check()
    assert report.accepted == {name: len(lines) for name, lines in GOOD.items()}
    assert report.total_refused == 0
    for name in GOOD:
        assert (files.clean / f"{name}.csv").read_bytes() == (files.folder / f"{name}.csv").read_bytes()
        assert not (files.refused / f"{name}.csv").exists()


def test_columns_in_another_order_are_put_in_order(files: Files) -> None:
    files.write("subjects", "level,id,name\nMSC2,5DATA,Data Engineering\nMSC1,4ARCH,AWS Architecture\n")
    assert files.check().total_refused == 0
    assert files.clean_lines("subjects") == GOOD["subjects"]


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("grades", "3,822491,5DATA,2019-06-11", "not 5 fields"),
        ("grades", "3,822491,5DATA,2019-06-11,62.0,x", "not 5 fields"),
        ("grades", ",822491,5DATA,2019-06-11,62.0", "id: empty"),
        ("grades", "three,822491,5DATA,2019-06-11,62.0", "id: not a whole number"),
        ("grades", "3.0,822491,5DATA,2019-06-11,62.0", "id: not a whole number"),
        ("grades", "3000000000,822491,5DATA,2019-06-11,62.0", "id: too large for the ERP's integers"),
        ("grades", "3,999999,5DATA,2019-06-11,62.0", "student_id: not in students"),
        ("grades", "3,822491,9XXXX,2019-06-11,62.0", "subject: not in subjects"),
        ("grades", '3,822491,"",2019-06-11,62.0', "subject: empty text in quotes: leave out the quotes"),
        ("grades", "3,822491,5DATA,11/06/2019,62.0", "date: not a date like 2026-06-30"),
        ("grades", "3,822491,5DATA,2019-02-29,62.0", "date: no such day"),
        ("grades", "3,822491,5DATA,2019-06-11,100.1", "grade: above 100"),
        ("grades", "3,822491,5DATA,2019-06-11,-0.1", "grade: below 0"),
        ("grades", "3,822491,5DATA,2019-06-11,62.25", "grade: not a number like 62.0"),
        ("grades", '3,822491,5DATA,2019-06-11,"62,5"', "grade: not a number like 62.0"),
        ("grades", "3,822491,5DATA,2019-06-11,NaN", "grade: not a number like 62.0"),
        ("grades", "2,822491,5DATA,2019-06-11,62.0", "id: already taken"),
        ("attendances", "3,1,822491,t", "lesson_id, student_id: already taken"),
        ("attendances", "3,1,822492,true", "present: not t or f"),
        ("events", "2,Salon,party,2017-11-18,1,2500.00", "kind: not one of open day, fair, immersion day, webinar"),
        ("events", "2,Salon,fair,2017-11-18,1,2500.005", "cost: not an amount like 1250.00"),
        ("events", "2,Salon,fair,2017-11-18,1,-1.00", "cost: below 0"),
        ("campuses", "2,Paris,Paris,Île-de-France,2006-09-04,500,2431", "name: already taken"),
        ("campuses", "2,Lyon,Lyon,Rhône,2006-09-04,0,2431", "capacity: below 1"),
        ("apprenticeships", "2,822491,7,2019-10-01,2019-09-30,webmestre", "end_date: before start_date"),
        ("apprenticeships", "2,822491,8,2019-10-01,2020-06-30,webmestre", "company_id: not in companies"),
        ("professors", "2,Al,Roy,Al.Roy@prof.supinfo.com,1,2010-09-01\0", "hired_on: not a date like 2026-06-30"),
        ("professors", "2,A\0l,Roy,Al.Roy@prof.supinfo.com,1,2010-09-01", "first_name: a NUL character"),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_its_reason(files: Files, name: str, line: str, reason: str) -> None:
    files.add(name, line)
    report = files.check()
    number = len(GOOD[name]) + 2
    assert files.refusals(name) == [(number, reason, line)]
    assert report.reasons[name] == {reason: 1}
    assert report.accepted[name] == len(GOOD[name])
    assert report.total_refused == 1
    assert files.clean_lines(name) == GOOD[name]


def test_rows_that_hang_on_a_refused_row_are_refused_too(files: Files) -> None:
    files.add("students", GOOD["students"][0].replace("822491", "5").replace("Mme", "Mlle"))
    files.add("grades", "3,5,5DATA,2019-06-11,50.0")
    report = files.check()
    assert report.reasons["students"] == {"gender: not one of Mme, M.": 1}
    assert report.reasons["grades"] == {"student_id: not in students": 1}


def test_a_refused_row_takes_no_key(files: Files) -> None:
    # The first row 3 falls over its e-mail: its number is still free for the second, whose own e-mail is not.
    person = "{id},Bob,Roy,{mail},1,2010-09-01"
    files.add("professors", person.format(id=3, mail="Ada.Roy@prof.supinfo.com"))
    files.add("professors", person.format(id=3, mail="Bob.Roy@prof.supinfo.com"))
    files.add("professors", person.format(id=4, mail="Bob.Roy@prof.supinfo.com"))
    files.check()
    assert [(line, why) for line, why, _ in files.refusals("professors")] == [
        (3, "email: already taken"), (5, "email: already taken"),
    ]  # fmt: skip
    assert files.clean_lines("professors")[1] == person.format(id=3, mail="Bob.Roy@prof.supinfo.com")


def test_quotes_commas_and_newlines_inside_quotes(files: Files) -> None:
    odd = '3,1,"Anne, dite ""Nana""","Le\nGoff",x@mel.example,low,'
    files.add("audiences", odd, "4,1,Bad,Level,y@mel.example,none,")
    report = files.check()
    assert report.accepted["audiences"] == 2
    assert odd + "\n" in (files.clean / "audiences.csv").read_text(encoding="utf-8")
    # The record before takes lines 3 and 4.
    assert files.refusals("audiences") == [
        (5, "level_of_interest: not one of low, medium, high", "4,1,Bad,Level,y@mel.example,none,")
    ]


def test_a_quote_that_is_never_closed_costs_one_line(files: Files) -> None:
    files.add("audiences", '3,1,"Anne,Roy,x@mel.example,low,', "4,1,Bob,Roy,y@mel.example,low,")
    report = files.check()
    assert files.refusals("audiences") == [
        (3, "a quote is opened and never closed", '3,1,"Anne,Roy,x@mel.example,low,')
    ]
    assert report.accepted["audiences"] == 2


def test_two_lines_with_an_open_quote_are_not_taken_for_one_record(files: Files) -> None:
    files.add(
        "audiences",
        '3,1,"Anne,Roy,x@mel.example,low,',
        "4,1,Bob,Roy,y@mel.example,low,",
        '5,1,"Carl,Roy,z@mel.example,low,',
        '6,1,"D, E",Roy,d@mel.example,low,',
    )
    report = files.check()
    assert [(line, why) for line, why, _ in files.refusals("audiences")] == [
        (3, "broken quoting"), (5, "a quote is opened and never closed"),
    ]  # fmt: skip
    assert report.accepted["audiences"] == 3


def test_a_stray_quote_is_refused_and_the_rest_is_read(files: Files) -> None:
    files.add("audiences", '3,1,An"ne,Roy,x@mel.example,low,', '4,1,"Bob"by,Roy,y@mel.example,low,')
    files.add("audiences", "5,1,Cy,Roy,z@mel.example,low,")
    report = files.check()
    assert [line for line, _, _ in files.refusals("audiences")] == [3, 4]
    assert report.accepted["audiences"] == 2


def test_bytes_that_are_not_utf8(files: Files) -> None:
    raw = "\n".join([HEADERS["audiences"], *GOOD["audiences"], ""]).encode()
    files.write(
        "audiences", raw + "2,1,André,Roy,x@mel.example,low,\n".encode("latin-1") + b"3,1,A,B,c@d.example,low,\n"
    )
    report = files.check()
    assert files.refusals("audiences") == [(3, "not UTF-8", "2,1,Andr\\xe9,Roy,x@mel.example,low,")]
    assert report.accepted["audiences"] == 2


def test_windows_line_ends_a_byte_order_mark_and_blank_lines(files: Files) -> None:
    lines = [HEADERS["audiences"], *GOOD["audiences"], "", '2,1,"A, B",Roy,x@mel.example,low,IUT']
    files.write("audiences", "\ufeff" + "\r\n".join(lines))
    files.write("grades", "\r\n".join([HEADERS["grades"], *GOOD["grades"], "", "x,1,2,3,4"]) + "\r\n")
    report = files.check()
    assert files.clean_lines("audiences") == [*GOOD["audiences"], '2,1,"A, B",Roy,x@mel.example,low,IUT']
    assert files.clean_lines("grades") == GOOD["grades"]
    assert files.refusals("grades") == [(5, "id: not a whole number", "x,1,2,3,4")]
    assert report.total_refused == 1


def test_values_are_written_in_one_form(files: Files) -> None:
    files.add("grades", '"003",822491,5DATA,2019-06-13,"62"', "4,822491,5DATA,2019-06-14,0.5")
    files.add("events", "2,Salon,fair,2017-11-18,1,40", "3,Salon,fair,2017-11-18,1,40.5")
    assert files.check().total_refused == 0
    assert files.clean_lines("grades")[2:] == ["3,822491,5DATA,2019-06-13,62.0", "4,822491,5DATA,2019-06-14,0.5"]
    assert files.clean_lines("events")[1:] == ["2,Salon,fair,2017-11-18,1,40.00", "3,Salon,fair,2017-11-18,1,40.50"]


@pytest.mark.parametrize("quoted", [False, True])
def test_blocks_may_end_anywhere(files: Files, monkeypatch: pytest.MonkeyPatch, quoted: bool) -> None:
    monkeypatch.setattr(records, "BLOCK", 7)
    name = '"A,\n""B"""' if quoted else "A"
    lines = [f"{n},1,{name},Roy,x@mel.example,low," for n in range(2, 40)]
    files.add("audiences", *lines, "2,1,A,Roy,x@mel.example,low,")
    report = files.check()
    assert report.accepted["audiences"] == 39
    assert (files.clean / "audiences.csv").read_text(encoding="utf-8").endswith("\n".join(lines) + "\n")
    assert [r[:2] for r in files.refusals("audiences")] == [(41 + 38 * quoted, "id: already taken")]


def test_earlier_results_do_not_linger(files: Files) -> None:
    files.add("grades", "3,1,2,3")
    files.check()
    files.write("grades", "\n".join([HEADERS["grades"], *GOOD["grades"]]))
    files.check()
    assert list(files.refused.iterdir()) == []


def test_progress_is_told_in_bytes(files: Files) -> None:
    told: list[tuple[str, int, int]] = []
    check_folder(files.folder, refused=files.refused, clean=files.clean, progress=lambda *step: told.append(step))
    size = (files.folder / "grades.csv").stat().st_size
    assert [step for step in told if step[0] == "grades"] == [("grades", size, size)]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("id,student_id,subject,date", "missing column grade"),
        ("id,student_id,subject,date,grade,teacher", "unknown column teacher"),
        ("id,student_id,subject,date,grade,id", "repeated column id"),
        ("ID,student_id,subject,date,grade", "missing column id"),
        ("id,student_id,subject,date,grade,", r"unknown column \(no name\)"),
        ("id;student_id;subject;date;grade", "separated by semicolons"),
        ("id\tstudent_id\tsubject\tdate\tgrade", "separated by tabs"),
        ("1,822491,5DATA,2019-06-11,62.0", "missing columns id, student_id, subject, date, grade"),
        ("", "no header line"),
        ('id,"student_id,subject,date,grade', "missing columns"),
    ],
)
def test_a_wrong_header_stops_everything(files: Files, header: str, told: str) -> None:
    files.write("grades", header + "\n1,822491,5DATA,2019-06-11,62.0\n")
    with pytest.raises(LabError, match=told) as caught:
        files.check()
    assert "grades.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not files.clean.exists()
    assert not files.refused.exists()


def test_a_header_that_is_not_utf8(files: Files) -> None:
    files.write("grades", HEADERS["grades"].encode("utf-16"))
    with pytest.raises(LabError, match="header line is not UTF-8"):
        files.check()


def test_missing_files_are_named(files: Files, tmp_path: Path) -> None:
    (files.folder / "grades.csv").unlink()
    (files.folder / "events.csv").unlink()
    with pytest.raises(LabError, match=r"missing files grades\.csv, events\.csv"):
        files.check()
    with pytest.raises(LabError, match="no such folder"):
        check_folder(tmp_path / "nowhere", refused=files.refused, clean=files.clean)


def test_results_never_overwrite_the_files(files: Files) -> None:
    with pytest.raises(LabError, match="overwrite"):
        check_folder(files.folder, refused=files.refused, clean=files.folder)
    assert (files.folder / "grades.csv").read_text().splitlines()[1:] == GOOD["grades"]


def test_a_place_that_cannot_be_written(files: Files) -> None:
    files.clean.write_text("a file where the folder should be")
    with pytest.raises(LabError, match="cannot read or write"):
        files.check()


def test_tables_without_rows(files: Files) -> None:
    for name, header in HEADERS.items():
        files.write(name, header + "\n")
    report = files.check()
    assert report.accepted == dict.fromkeys(HEADERS, 0)
    assert (files.clean / "grades.csv").read_text() == HEADERS["grades"] + "\n"


def test_reasons_never_show_a_value(files: Files) -> None:
    files.add("students", GOOD["students"][1].replace("822492", "822493"))
    files.add("students", "9,Secret,Person,s@x.example,,Mrs,1999-01-01,2020-01-01,,1,BSC1,Lycée,enrolled,,,,")
    reasons = files.check().reasons["students"]
    assert reasons == {"email: already taken": 1, "gender: not one of Mme, M.": 1}
