"""From the ERP's log into Kafka: every change, once, in order; servers killed meanwhile; a slot that is lost.

What a test changes in the ERP it takes back: other tests count rows.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from capture import Capture
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from live import Live
from polling import poll_until

from lab.live.ways import compare
from lakelab.catalogue import TABLES

COMPANY = "INSERT INTO companies VALUES ({0}, 'Firm {0}', 'IT', 'Lyon', 'Rhône', {1})"


@pytest.fixture(scope="module")
def capture(live: Live) -> Iterator[Capture]:
    found = Capture(live)
    yield found
    found.run("DELETE FROM companies WHERE id >= 9000000", "DELETE FROM campuses WHERE id >= 9000000")
    found.close()


@pytest.fixture(autouse=True)
def _beginning(capture: Capture) -> None:
    capture.begin("companies", "campuses", "subjects")


def test_topics_have_two_replicas_and_the_partitions_that_are_declared(capture: Capture):
    client = KafkaAdminClient(bootstrap_servers=capture.bootstrap)
    try:
        found = {t["name"]: t["partitions"] for t in client.describe_topics()}
    finally:
        client.close()
    assert {f"erp.public.{t.name}" for t in TABLES} <= set(found)
    assert len(found["stock-market-data"]) == 3
    assert len(found["erp.public.students"]) == 3
    assert len(found["erp.public.campuses"]) == 1
    for name, partitions in found.items():
        for partition in partitions:
            assert sorted(partition["replica_nodes"]) == [1, 2], name


def test_every_table_is_in_kafka_row_by_row(capture: Capture):
    capture.agree(seconds=600)
    read = capture.topic("students").changes[0][1]
    assert read["op"] in "rcu"
    assert read["source"]["table"] == "students"


def test_a_row_is_created_changed_and_deleted(capture: Capture):
    key = 9000001
    capture.run(COMPANY.format(key, 7))
    capture.run(f"UPDATE companies SET employees = 8 WHERE id = {key}")
    capture.run(f"DELETE FROM companies WHERE id = {key}")
    created, updated, deleted, tombstone = capture.comes("companies", key, 4)
    row = {"id": key, "name": f"Firm {key}", "sector": "IT", "city": "Lyon", "region": "Rhône", "employees": 7}
    assert (created["op"], created["before"], created["after"]) == ("c", None, row)
    assert (updated["op"], updated["before"], updated["after"]) == ("u", row, {**row, "employees": 8})
    assert (deleted["op"], deleted["before"], deleted["after"]) == ("d", {**row, "employees": 8}, None)
    assert tombstone is None
    places = [change["source"]["lsn"] for change in (created, updated, deleted)]
    assert places == sorted(set(places))
    capture.agree("companies")


def test_a_changed_key_is_a_delete_of_the_old_one_and_a_creation_of_the_new_one(capture: Capture):
    capture.run(COMPANY.format(9000002, 1))
    capture.run("UPDATE companies SET id = 9000003 WHERE id = 9000002")
    assert [change and change["op"] for change in capture.comes("companies", 9000002, 3)] == ["c", "d", None]
    assert [change["op"] for change in capture.comes("companies", 9000003, 1)] == ["c"]
    capture.agree("companies")


def test_a_transaction_over_three_tables_comes_whole_and_one_that_is_rolled_back_never(capture: Capture):
    campus, company, lost = 9000010, 9000011, 9000012
    with capture.erp() as cursor:
        cursor.execute(COMPANY.format(lost, 1))
        cursor.connection.rollback()
    with capture.erp() as cursor:
        cursor.execute(f"INSERT INTO campuses VALUES ({campus}, 'T', 'Tours', 'Centre', '2020-02-29', 10, 20)")
        cursor.execute(COMPANY.format(company, 3))
        cursor.execute("UPDATE subjects SET name = name || '!' WHERE id = '5DATA'")
    changes = [
        capture.comes("campuses", campus, 1)[0],
        capture.comes("companies", company, 1)[0],
        poll_until(
            lambda: next(
                (c for c in capture.topic("subjects").of("5DATA") if c and c["after"]["name"][-1] == "!"), None
            ),
            "the change of the subject",
        ),
    ]
    assert len({change["source"]["txId"] for change in changes}) == 1
    assert changes[0]["after"]["opened_on"] == "2020-02-29"
    capture.run(
        f"DELETE FROM campuses WHERE id = {campus}", "UPDATE subjects SET name = rtrim(name, '!') WHERE id = '5DATA'"
    )
    capture.agree("campuses", "companies", "subjects")
    assert capture.topic("companies").of(lost) == []


def test_a_text_of_a_megabyte_is_whole_also_in_the_change_that_leaves_it_alone(capture: Capture):
    key, text = 9000020, "é" * 500_000 + "x" * 24_288  # 1 MiB in UTF-8
    with capture.erp() as cursor:
        cursor.execute("INSERT INTO companies VALUES (%s, %s, 'IT', 'Lyon', 'Rhône', 1)", (key, text))
    capture.run(f"UPDATE companies SET employees = 2 WHERE id = {key}")
    created, updated = capture.comes("companies", key, 2)
    assert created["after"]["name"] == text
    assert updated["after"] == {**created["after"], "employees": 2}
    capture.run(f"DELETE FROM companies WHERE id = {key}")
    capture.agree("companies")


def test_a_new_column_flows_through_to_the_warehouse_and_the_lake(capture: Capture, live: Live):
    key = 9000030
    capture.run(COMPANY.format(key, 1))
    try:
        capture.run("ALTER TABLE companies ADD COLUMN founded_on date")
        capture.run(f"UPDATE companies SET founded_on = '1999-12-31' WHERE id = {key}")
        created, updated = capture.comes("companies", key, 2)
        assert "founded_on" not in created["after"]
        assert updated["after"]["founded_on"] == "1999-12-31"
        poll_until(
            lambda: capture.warehouse_rows("companies").get(key, {}).get("founded_on") == "1999-12-31",
            "the column in the warehouse", 120,
        )  # fmt: skip
        with live.stack.warehouse("default") as hive:
            asked = f"SELECT extra FROM lake_erp.companies WHERE id = {key}"
            poll_until(lambda: hive.rows(asked) == [('{"founded_on": "1999-12-31"}',)], "the column in the lake")
    finally:
        capture.run("ALTER TABLE companies DROP COLUMN founded_on", f"DELETE FROM companies WHERE id = {key}")
        with capture.warehouse() as cursor:
            cursor.execute("ALTER TABLE companies DROP COLUMN IF EXISTS founded_on")


def test_a_column_that_was_added_used_and_dropped_before_anybody_looked_stops_nothing(capture: Capture):
    key = 9000040
    try:
        capture.run(
            "ALTER TABLE companies ADD COLUMN bonus integer", COMPANY.format(key, 1),
            f"UPDATE companies SET bonus = 5 WHERE id = {key}", "ALTER TABLE companies DROP COLUMN bonus",
        )  # fmt: skip
        assert capture.comes("companies", key, 2)[1]["after"]["bonus"] == 5
        capture.run(f"UPDATE companies SET employees = 2 WHERE id = {key}")
        poll_until(
            lambda: capture.warehouse_rows("companies").get(key, {}).get("employees") == 2,
            "what came after it in the warehouse", 120,
        )  # fmt: skip
    finally:
        capture.run("ALTER TABLE companies DROP COLUMN IF EXISTS bonus", f"DELETE FROM companies WHERE id = {key}")
        with capture.warehouse() as cursor:
            cursor.execute("ALTER TABLE companies DROP COLUMN IF EXISTS bonus")


def test_the_warehouse_has_the_rows_of_the_erp(capture: Capture):
    for table in TABLES:
        poll_until(
            lambda name=table.name: capture.warehouse_rows(name) == capture.rows(name),
            f"warehouse and ERP to agree on {table.name}", 600,
        )  # fmt: skip


def test_a_group_reads_on_where_it_was_and_its_lag_is_seen(capture: Capture, live: Live):
    group, place = f"test-{time.time_ns()}", TopicPartition("erp.public.companies", 0)
    with_group = {"bootstrap_servers": capture.bootstrap, "group_id": group, "auto_offset_reset": "earliest"}
    first = KafkaConsumer(place.topic, enable_auto_commit=False, max_poll_records=10, **with_group)
    read = poll_until(lambda: first.poll(timeout_ms=2000).get(place), "the first messages", 180)
    first.commit()
    first.close()
    second = KafkaConsumer(place.topic, enable_auto_commit=False, **with_group)
    went_on = poll_until(lambda: second.poll(timeout_ms=2000).get(place), "the next messages", 180)
    second.close()
    assert went_on[0].offset > read[-1].offset
    out = live.succeed("kafka", "lag", group)
    line = next(line for line in out.splitlines() if line.startswith(group))
    assert line.split()[1:4] == [place.topic, "0", f"{read[-1].offset + 1:,}"]
    assert group in live.succeed("kafka", "groups")


def test_the_commands_show_topics_and_messages(capture: Capture, live: Live):
    # One after the other: together they leave the row as it was, and rows would agree before either is there.
    for change in ("+ 1", "- 1"):
        capture.run(f"UPDATE companies SET employees = employees {change} WHERE id = 1")
        capture.agree("companies")
    after = capture.topic("companies").of(1)[-1]
    assert "stock-market-data" in live.succeed("kafka", "topics")
    last = live.succeed("kafka", "tail", "companies", "--key", "1", "-n", "2").splitlines()
    assert len(last) == 2
    assert f"employees: {after['before']['employees']} → {after['after']['employees']}" in last[-1]
    assert "no topic rooms" in live.lab("kafka", "tail", "rooms").stderr
    assert "read, reserved" in live.succeed("cdc", "status")


def test_other_ways_to_follow_a_table_miss_what_the_log_has(live: Live):
    found = {
        way.name: way.saw for way in compare(live.stack.connecting("erp_owner"), live.stack.connecting("debezium"))
    }
    assert found == {  # created, created late, changed, changed again, deleted
        "pull by time": (True, False, False, True, False),
        "pull by version": (True, False, False, True, False),
        "outbox": (True, True, True, True, True),
        "log": (True, True, True, True, True),
    }
    out = live.succeed("cdc", "ways")
    deleted = next(line for line in out.splitlines() if line.startswith("a row is deleted"))
    assert (deleted.count("missed"), deleted.count("✓")) == (2, 2)


def test_a_lost_slot_is_seen_said_and_repaired_with_the_deletions_that_were_missed(capture: Capture, live: Live):
    stays, goes = 9300000, 9300001
    capture.run(COMPANY.format(stays, 1), COMPANY.format(goes, 1))
    capture.comes("companies", goes, 1)
    drop_slot(capture)
    began = time.monotonic()
    capture.run(f"DELETE FROM companies WHERE id = {goes}", f"UPDATE companies SET employees = 2 WHERE id = {stays}")
    poll_until(lambda: live.container("cdc-watch").health == "unhealthy", "cdc-watch to be unhealthy", 60)
    print(f"\nA lost slot was seen after {time.monotonic() - began:.0f} s.")
    seen = live.lab("cdc", "status")
    assert seen.returncode == 1
    assert "slot debezium_erp is not in the ERP: changes are missed; `lab cdc resnapshot` repairs it" in seen.stdout
    assert capture.topic("companies").of(goes)[-1] is not None
    assert "1 deletions had been missed" in live.succeed("cdc", "resnapshot")
    capture.agree()
    deleted, tombstone = capture.topic("companies").of(goes)[-2:]
    assert (deleted["op"], deleted["before"]["name"], tombstone) == ("d", f"Firm {goes}", None)
    live.well_again("cdc-watch")
    capture.run(f"UPDATE companies SET employees = 3 WHERE id = {stays}")
    capture.agree("companies")


def test_a_slot_that_somebody_made_anew_is_not_taken_and_a_repair_that_is_interrupted_leaves_no_row(
    capture: Capture, live: Live
):
    goes = 9300010
    capture.run(COMPANY.format(goes, 1))
    capture.comes("companies", goes, 1)
    drop_slot(capture)
    with capture.erp("debezium") as cursor:
        cursor.execute("SELECT pg_create_logical_replication_slot('debezium_erp', 'pgoutput')")
    poll_until(lambda: live.container("cdc-watch").health == "unhealthy", "cdc-watch to be unhealthy", 60)
    repair = subprocess.Popen(
        [sys.executable, "-m", "lab.cli", "cdc", "resnapshot"], env=live.environment, stderr=subprocess.PIPE
    )
    read_again = poll_until(lambda: capture.topic("companies").of(goes)[1:], "its reading", 180)
    assert [change["op"] for change in read_again] == ["r"]
    with capture.erp() as lock:
        lock.execute("LOCK TABLE audiences IN ACCESS EXCLUSIVE MODE")  # the last table: the reading stops before it
        live.kill("connect")
        assert b"lab: Kafka Connect" in repair.communicate()[1]
        capture.run(f"DELETE FROM companies WHERE id = {goes}")
        live.well_again("connect")
        poll_until(
            lambda: "an earlier reading was interrupted" in live.lab("cdc", "status").stdout, "the next reading", 180
        )
    last = poll_until(lambda: len(found := capture.topic("companies").of(goes)) > 2 and found[-2:], "its deletion", 600)
    assert (last[0]["op"], last[0]["before"]["id"], last[1]) == ("d", goes, None)
    poll_until(lambda: goes not in capture.warehouse_rows("companies"), "the warehouse to be without it")
    watched = ("stack", "logs", "cdc-watch", "--tail", "20")
    poll_until(lambda: "1 deletions had been missed" in live.succeed(*watched), "the comparison to be told", 180)
    poll_until(lambda: live.lab("cdc", "status").returncode == 0, "`lab cdc status` to have no doubt")
    capture.agree()
    live.well_again("cdc-watch")


def test_single_tables_are_read_again_while_changes_go_on(capture: Capture, live: Live):
    assert "0 deletions had been missed" in live.succeed("cdc", "resnapshot", "campuses", "subjects")
    again = capture.comes("campuses", 1, 1)
    assert [change["op"] for change in again] == ["r"]
    assert "no table rooms" in live.lab("cdc", "resnapshot", "rooms").stderr


def drop_slot(capture: Capture) -> None:
    """Take the slot from under Debezium."""
    poll_until(lambda: _dropped(capture), "the slot to be dropped")


def _dropped(capture: Capture) -> bool:
    with capture.erp("debezium") as cursor:
        cursor.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
        cursor.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'debezium_erp'")
        if cursor.fetchone()[0] == 0:
            return True
        cursor.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        return bool(cursor.rowcount)
