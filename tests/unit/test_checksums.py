"""Checksums of stage files, against figures from another engine and from `printf | md5sum`."""

import io
import re
from pathlib import Path

import duckdb
import pytest

from lakelab import checksums, stage_file
from lakelab.catalogue import GRADES, STUDENTS, SUBJECTS, Table
from lakelab.checksums import Checksum, Difference

ROWS = b'5DATA,Data Engineering,MSC2\n4DOKR,"Docker, ""in"" use",MSC1\n4CAFE,Caf\xc3\xa9 \\n \\\\,MSC1\n'


def of(content: bytes) -> Checksum:
    return checksums.file_checksum(io.BytesIO(content), SUBJECTS)


def test_one_record_by_hand() -> None:
    # printf '5DATA\037Data Engineering\037MSC2' | md5sum → the first 15 digits
    assert of(b"5DATA,Data Engineering,MSC2\n") == Checksum(1, 0xD735CA54CA54FD4)


def test_an_empty_file_has_no_records() -> None:
    assert of(b"") == Checksum(0, 0)


def test_quotes_that_are_not_needed_and_order_make_no_difference() -> None:
    lines = ROWS.splitlines(keepends=True)
    assert of(b"".join(reversed(lines))) == of(ROWS)
    assert of(ROWS.replace(b"5DATA", b'"5DATA"')) == of(ROWS)


def test_the_last_line_break_makes_no_difference() -> None:
    assert of(ROWS[:-1]) == of(ROWS)


@pytest.mark.parametrize(
    "changed",
    [
        ROWS.replace(b"MSC2", b"MSC1"),
        ROWS.replace(b"5DATA,Data Engineering", b"Data Engineering,5DATA"),
        ROWS.replace(b",MSC2", b",").replace(b"Engineering", b"EngineeringMSC2"),
        ROWS[ROWS.index(b"\n") + 1 :],
        ROWS + ROWS[: ROWS.index(b"\n") + 1],
        ROWS + b"\n",
        ROWS.replace(b"MSC2\n", b"MSC2\r\n"),
        ROWS.replace(b"MSC2", b"MSC2,"),
        ROWS.replace(b"Caf\xc3\xa9", b"Caf\xe9"),
    ],
    ids=["cell", "swapped", "moved", "lost", "doubled", "blank line", "line ends", "field more", "latin-1"],
)
def test_every_change_is_seen(changed: bytes) -> None:
    assert of(changed) != of(ROWS)


def test_values_swapped_between_two_records_are_seen() -> None:
    swapped = ROWS.replace(b"5DATA", b"?").replace(b"4CAFE", b"5DATA").replace(b"?", b"4CAFE")
    assert of(swapped).rows == of(ROWS).rows
    assert of(swapped) != of(ROWS)


def test_a_record_over_several_lines_and_blocks_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'a,"x\ny,""\n\nz",MSC1\nb,plain,MSC1\n' * 3
    whole = of(content)
    assert whole.rows == 6
    for size in (1, 3, 7, 20):
        monkeypatch.setattr(stage_file, "_BLOCK", size)
        assert of(content) == whole


@pytest.mark.parametrize("table", [GRADES, STUDENTS])
def test_the_hive_statement_gives_the_figures_of_the_file(table: Table, tmp_path: Path) -> None:
    """DuckDB runs it after two changes of dialect: names in double quotes, and a `conv`."""
    count = len(table.columns)
    lines = [",".join("" if (i + j) % 4 == 0 else f"é{i * j}" for j in range(count)) for i in range(50)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = dict.fromkeys(table.column_names, "VARCHAR")
    database = duckdb.connect()
    database.execute("CREATE SCHEMA lake")
    database.execute("CREATE MACRO conv(digits, a, b) AS CAST(CAST('0x' || digits AS BIGINT) AS VARCHAR)")
    database.execute(
        f"CREATE TABLE lake.{table.name}_csv AS FROM read_csv(?, header=false, columns={names!r})", [str(path)]
    )

    rows = database.execute(re.sub("`", '"', checksums.hive_sql(table, "lake"))).fetchall()

    with path.open("rb") as stream:
        assert checksums.from_rows(rows) == {table.name: checksums.file_checksum(stream, table)}


def test_differences_say_where_and_what() -> None:
    erp = {"grades": Checksum(3, 10), "events": Checksum(2, 5), "lessons": Checksum(1, 1), "students": Checksum(4, 4)}
    stage = {**erp, "grades": Checksum(2, 7)}
    presentation = {"grades": Checksum(3, 11), "events": Checksum(4, 10), "lessons": Checksum(1, 1)}

    found = checksums.compare(erp, stage, presentation)

    assert found[0] == Difference("grades", "stage", Checksum(3, 10), Checksum(2, 7))
    assert [str(each) for each in found] == [
        "grades: stage has 2 records, the ERP 3: 1 fewer",
        "grades: presentation has the 3 records of the ERP, but with other contents",
        "events: presentation has 4 records, the ERP 2: 2 more",
        "students: missing in the presentation",
    ]


def test_equal_tables_have_no_difference() -> None:
    same = {"grades": Checksum(3, 10)}
    assert checksums.compare(same, dict(same), dict(same)) == []
