"""The lake on the live stack: the ERP's rows in HiveServer2, what they were, a killed writer, the proof, a row's path.

What a test changes in the ERP it takes back: other tests count rows.
"""

from __future__ import annotations

import datetime
import decimal
import io
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from capture import Capture
from live import Live
from polling import poll_until

from lakelab.frames import polars
from lakelab.hiveserver2 import HiveServer2

COMPANY = "INSERT INTO companies VALUES ({0}, 'Firm {0}', 'IT', 'Lyon', 'Rhône', {1})"
ROUNDS = 150  # transactions while the lake is killed


class Lake:
    """The lake by HiveServer2, beside the ERP."""

    def __init__(self, live: Live, hive: HiveServer2) -> None:
        self.live, self.hive, self.capture = live, hive, Capture(live)

    def rows(self, table: str) -> dict[Any, dict[str, Any]]:
        """Rows with the ERP's columns, written as its changes are."""
        names, rows = self.hive.query(f"SELECT * FROM lake_erp.{table}")
        found = {row[names.index("id")]: dict(zip(names, map(_written, row), strict=True)) for row in rows}
        assert len(found) == len(rows), f"keys of {table} that are there twice"
        return found

    def agree(self, *tables: str, seconds: float = 120) -> None:
        for table in tables:
            poll_until(lambda t=table: self._same(t), f"lake and ERP to agree on {table}", seconds)

    def _same(self, table: str) -> bool:
        erp, lake = self.capture.rows(table), self.rows(table)
        return erp.keys() == lake.keys() and all(
            all(lake[key].get(name) == value for name, value in row.items()) for key, row in erp.items()
        )


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, (datetime.date, decimal.Decimal)) else value


@pytest.fixture(scope="module")
def lake(live: Live) -> Iterator[Lake]:
    with live.stack.warehouse("default") as hive:
        found = Lake(live, hive)
        yield found
        found.capture.run("DELETE FROM companies WHERE id >= 9400000", "DELETE FROM campuses WHERE id >= 9400000")
        found.capture.close()


def test_rows_that_come_change_their_key_and_go_and_a_transaction_over_three_tables(lake: Lake):
    lake.agree("students", "campuses", "subjects", "companies", "events", "professors", seconds=300)
    lake.capture.run(
        "INSERT INTO campuses VALUES (9400000, 'T', 'Tours', 'Centre', '2020-02-29', 10, 20)",
        COMPANY.format(9400001, 1), COMPANY.format(9400002, 2), COMPANY.format(9400003, 3),
        "UPDATE subjects SET name = name || '!' WHERE id = '5DATA'",
    )  # fmt: skip
    lake.capture.run(
        "UPDATE companies SET id = 9400004 WHERE id = 9400001",
        "DELETE FROM companies WHERE id = 9400002",
        "UPDATE companies SET city = 'Saint-Étienne', employees = 4 WHERE id = 9400003",
    )
    lake.agree("campuses", "companies", "subjects")
    companies = lake.rows("companies")
    assert {key for key in companies if key >= 9400000} == {9400003, 9400004}
    assert (companies[9400003]["city"], companies[9400003]["employees"]) == ("Saint-Étienne", 4)
    assert lake.rows("campuses")[9400000]["opened_on"] == "2020-02-29"
    assert lake.rows("subjects")["5DATA"]["name"].endswith("!")
    lake.capture.run("UPDATE subjects SET name = rtrim(name, '!') WHERE id = '5DATA'")
    lake.agree("subjects")


def test_what_was_at_a_time_is_still_known(lake: Lake):
    lake.capture.run(COMPANY.format(9400020, 1))
    moments = [_now(lake)]
    lake.capture.run("UPDATE companies SET employees = 2 WHERE id = 9400020")
    moments.append(_now(lake))
    lake.capture.run("DELETE FROM companies WHERE id = 9400020")
    moments.append(_now(lake))
    lake.agree("companies")
    asked = " UNION ALL ".join(
        f"SELECT {number}, employees FROM lake_erp.companies_history WHERE id = 9400020"
        f" AND valid_from <= '{at}' AND (valid_to IS NULL OR valid_to > '{at}')"
        for number, at in enumerate(moments)
    )
    assert sorted(lake.hive.rows(asked)) == [(0, 1), (1, 2)]


def _now(lake: Lake) -> str:
    """A moment that is after every commit so far, and before every one to come."""
    with lake.capture.erp() as cursor:
        cursor.execute("SELECT pg_sleep(0.01), (clock_timestamp() AT TIME ZONE 'UTC')::timestamp(3), pg_sleep(0.01)")
        return str(cursor.fetchone()[1])


def test_a_person_is_erased_from_history_and_every_file(lake: Lake, live: Live):
    number, old, new = 9400050, "Ada.Old@lake.example", "ada.new@lake.example"
    lake.capture.run(
        _copied("students", id=number, email=old, personal_email="ada.home@lake.example"),
        _copied("grades", id=number, student_id=number),
        _copied("audiences", id=number, email=old.lower()),
    )
    lake.capture.run(f"UPDATE students SET email = '{new}' WHERE id = {number}")
    out = live.succeed("lake", "erase", str(number))
    assert "ERP: 1 of grades, 1 of audiences, 1 of students deleted" in out
    assert "2 of audiences, 2 of grades, 3 of students taken out" in out
    assert _mentions(live, old, new) == []
    names = ("students", "students_changes", "grades_changes", "audiences_changes")
    asked = " UNION ALL ".join(f"SELECT id FROM lake_erp.{name} WHERE id = {number}" for name in names)
    assert lake.hive.rows(asked) == []
    assert number not in lake.capture.warehouse_rows("students")


def _copied(table: str, **values: Any) -> str:
    """A statement that adds a copy of the table's first row with other values."""
    other = json.dumps(values)
    return f"INSERT INTO {table} SELECT (json_populate_record(r, '{other}')).* FROM {table} r ORDER BY r.id LIMIT 1"


def _mentions(live: Live, *texts: str) -> list[str]:
    """The files of the lake in which one of the texts is, in whatever letters."""
    found = []
    for folder in ("students", "audiences"):
        for stored in live.stack.hdfs.list(f"hdfs:///lake/erp/{folder}"):
            with live.stack.hdfs.open(stored.uri) as stream:
                rows = polars.read_parquet(io.BytesIO(stream.read())).write_ndjson().lower()
            found += [stored.uri] * any(text.lower() in rows for text in texts)
    return found


def test_killed_in_the_middle_of_changes_nothing_is_lost_and_nothing_doubled(lake: Lake, live: Live):
    lake.capture.run(COMPANY.format(9400030, 1))
    writing = threading.Thread(target=_count, args=(lake.capture,))
    writing.start()
    poll_until(lambda: lake.rows("companies").get(9400030, {}).get("employees", 0) > 1, "the lake to be in the middle")
    live.kill("lake")
    writing.join()
    lake.agree("companies", seconds=180)
    versions = lake.hive.rows(
        "SELECT kafka_offset, op, employees FROM lake_erp.companies_changes WHERE id = 9400030 ORDER BY kafka_offset"
    )
    assert [(op, count) for _, op, count in versions] == [("c", 1), *(("u", n) for n in range(2, ROUNDS + 2))]
    live.well_again("lake")


def _count(capture: Capture) -> None:
    pause = threading.Event()
    with capture.erp() as cursor:
        for _ in range(ROUNDS):
            cursor.execute("UPDATE companies SET employees = employees + 1 WHERE id = 9400030")
            cursor.connection.commit()
            pause.wait(0.02)


def test_a_full_hdfs_is_said_once_loses_nothing_and_all_goes_on_when_there_is_room(lake: Lake, live: Live):
    before = len(_said(live, "HDFS is full"))
    lake.capture.run(COMPANY.format(9400040, 1))
    _quota(live, 1)  # bytes for /lake: no file can be written any more
    try:
        lake.capture.run("UPDATE companies SET employees = 2 WHERE id = 9400040")
        poll_until(lambda: _said(live, "HDFS is full")[before:], "the lake to say that HDFS is full")
        lake.capture.run("UPDATE companies SET employees = 3 WHERE id = 9400040", COMPANY.format(9400041, 1))
        folders = _folders(live)
        poll_until(lambda: _folders(live) > folders + 3, "more tries, each of which leaves folders")
    finally:
        _quota(live, -1)
    lake.agree("companies")
    lines = _said(live, "HDFS is full")[before:]
    assert len(lines) == 1, lines
    assert "The DiskSpace quota of /lake is exceeded" in lines[0]
    asked = "SELECT op, employees FROM lake_erp.companies_changes WHERE id = 9400040 ORDER BY kafka_offset"
    assert lake.hive.rows(asked)[-3:] == [("c", 1), ("u", 2), ("u", 3)]  # history keeps those of former sessions


def _quota(live: Live, size: int) -> None:
    """As `hdfs dfsadmin -setSpaceQuota` and `-clrSpaceQuota` do, without a JVM."""
    port = live.stack.environment.port("WEBHDFS_PORT")
    asked = f"op=SETQUOTA&user.name=hadoop&namespacequota={2**63 - 1}&storagespacequota={size}"
    with urlopen(Request(f"http://127.0.0.1:{port}/webhdfs/v1/lake?{asked}", method="PUT"), timeout=30) as answer:
        assert answer.status == 200


def _folders(live: Live) -> int:
    return int(live.stack.hdfs.client.content("/lake")["directoryCount"])


def _said(live: Live, words: str) -> list[str]:
    return [line for line in live.description.last_lines("lake", 50).splitlines() if words in line]


def test_the_proof_finds_all_stations_equal_and_says_which_row_is_not(lake: Lake, live: Live):
    out = live.succeed("verify", "--live")
    assert (out.count("✓"), out.count("✗")) == (11, 0)
    with lake.capture.warehouse() as cursor:
        cursor.execute("UPDATE campuses SET capacity = capacity + 1 WHERE id = 1")
    try:
        differs = live.lab("verify", "--live", "campuses", "subjects")
    finally:
        with lake.capture.warehouse() as cursor:
            cursor.execute("UPDATE campuses SET capacity = capacity - 1 WHERE id = 1")
    assert differs.returncode == 1
    assert (differs.stdout.count("✓"), differs.stdout.count("✗")) == (1, 1)
    assert "campuses in warehouse: 1 has other values" in differs.stderr


def test_a_row_is_followed_through_every_station(lake: Lake, live: Live):
    with lake.capture.erp() as cursor:
        cursor.execute("SELECT min(id) FROM students")
        key = cursor.fetchone()[0]
    stations = ["ERP", "Debezium", "Kafka", "lake", "warehouse", "API"]
    out = live.succeed("trace", "student", str(key), "--touch").splitlines()
    assert [line.split()[0] for line in out[1 : 1 + len(stations)]] == stations
    assert "erp.public.students[" in out[3]
    after = [int(line.split()[-1].replace(",", "")) for line in out[1 : 1 + len(stations)]]
    assert after[0] == 0
    assert min(after) >= 0
    last = live.succeed("trace", "students", str(key)).splitlines()
    assert last[3].split() == out[3].split()  # the same place in Kafka, at the same time
    assert "no row 1 in students" in live.lab("trace", "student", "1", "--touch").stderr
