"""Files that somebody drops into NiFi's folder: rows that are taken, rows that are not, and why."""

from __future__ import annotations

import json

import pytest

from labflow import rows

HEADER = "id,student_id,subject,date,grade\n"


def check(*written: str, name: str = "grades.csv", header: str = HEADER) -> rows.Checked:
    return rows.check_file(name, (header + "".join(f"{line}\n" for line in written)).encode())


def test_good_rows_are_kept_as_the_stage_has_them_and_bad_ones_with_line_and_reason():
    found = check("1,822491,5DATA,2021-01-02,61.5", "2,822491,5DATA,2021-02-30,61.5", "3,822491,5DATA,2021-01-02,")
    assert found.accepted == b"1,822491,5DATA,2021-01-02,61.5\n3,822491,5DATA,2021-01-02,\n"
    (rejected,) = [json.loads(line) for line in found.rejected.splitlines()]
    assert (rejected["line"], rejected["why"], rejected["row"][0]) == (3, "date: no date", "2")
    assert found.counts == (2, 1)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1,822491,5DATA,2021-01-02", "4 fields instead of 5"),
        (",822491,5DATA,2021-01-02,5", "id: empty"),
        ("x,822491,5DATA,2021-01-02,5", "id: no int"),
        ("3000000000,822491,5DATA,2021-01-02,5", "id: no int"),
        ("1,822491,5DATA,02/01/2021,5", "date: no date"),
        ("1,822491,5DATA,2021-01-02,100.5", "grade: more than 100"),
        ("1,822491,5DATA,2021-01-02,-1", "grade: less than 0"),
        ("1,822491,5DATA,2021-01-02,5.55", "grade: no decimal"),
        ("1,822491,5DATA,2021-01-02,NaN", "grade: no decimal"),
    ],
)
def test_what_the_erp_would_refuse_is_rejected(row: str, why: str):
    assert json.loads(check(row).rejected)["why"] == why


def test_a_key_counts_once_in_a_file():
    found = check("1,822491,5DATA,2021-01-02,5", "1,822491,5DATA,2021-01-03,6")
    assert json.loads(found.rejected)["why"] == "id: twice in this file"
    assert found.counts == (1, 1)


def test_columns_may_come_in_any_order_and_leave_in_the_catalogues():
    found = check("5,2021-01-02,1,5DATA,822491", header="grade,date,id,subject,student_id\n")
    assert found.accepted == b"1,822491,5DATA,2021-01-02,5\n"


def test_text_of_several_lines_stays_one_record_and_truth_is_a_letter():
    company = 'id,name,sector,city,region,employees\n1,"Two\nlines, and a \\ stroke",IT,Lyon,Rhône,5\n'
    found = rows.check_file("companies-new.csv", company.encode("utf-8-sig"))
    assert found.accepted.decode() == '1,"Two\\nlines, and a \\\\ stroke",IT,Lyon,Rhône,5\n'
    there = rows.check_file("attendances.csv", b"id,lesson_id,student_id,present\n1,2,3,true\n2,2,4,0\n")
    assert there.accepted == b"1,2,3,t\n2,2,4,f\n"


def test_dates_keep_their_order():
    header = "id,student_id,company_id,start_date,end_date,job\n"
    found = check("1,2,3,2021-02-01,2021-01-31,Analyst", name="apprenticeships.csv", header=header)
    assert json.loads(found.rejected)["why"] == "end_date: before start_date"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("rooms.csv", b"id\n", "the name does not begin with a table"),
        ("grades.txt", HEADER.encode(), "end with .csv"),
        ("grades.csv", b"", "no id, student_id, subject, date, grade"),
        ("grades.csv", b"id,student_id,subject,day,grade\n", "no date; strange 'day'"),
        ("grades.csv", b"id,id,student_id,subject,date,grade\n", "one twice"),
        ("grades.csv", HEADER.encode() + b"1,2,\xff", "byte 37 is no UTF-8"),
        ("grades.csv", HEADER.encode() + b'1,2,"5DATA', "line 2: unexpected end of data"),
    ],
)
def test_a_file_that_is_not_readable_is_refused_whole_with_the_reason(name: str, content: bytes, why: str):
    with pytest.raises(rows.RefusedError) as refused:
        rows.check_file(name, content)
    assert why in str(refused.value)
    told = json.loads(rows.refused(content, str(refused.value)))
    assert (told["line"], told["why"]) == (0, str(refused.value))
