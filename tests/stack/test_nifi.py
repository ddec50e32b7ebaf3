"""NiFi on the running stack: what its flows write, what they do when stopped, killed or given rubbish, and its pages.

The stack is without NiFi (it is started when asked for), so this file starts it, and stops it at the end.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from browsing import SLOW
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from live import Live
from playwright.sync_api import Browser, Locator, Page, expect
from polling import poll_until

from lab.live import kafka
from lab.live.flow_files import FOLDER, flow_files
from lab.live.nifi import Nifi
from lab.live.nifi_commands import by_login
from lab.stack.compose import Compose, Container

SERVICES = ("nifi", "flows")
PLACE = TopicPartition("erp.public.companies", 0)
COMPANY = "INSERT INTO companies VALUES ({0}, 'Firm {0}', 'IT', 'Lyon', 'Rhône', {1})"
BACKLOG = 600  # seconds that a new NiFi may take for the whole school, on a busy machine

Line = dict[str, Any]


@dataclass
class Canvas:
    """A running NiFi, by its REST interface as Nginx lets a person in, and what its flows have written."""

    live: Live
    nifi: Nifi
    read: dict[str, list[Line]] = field(default_factory=dict)

    def container(self, service: str) -> Container:
        return next(c for c in Compose(self.live.stack.environment).containers() if c.service == service)

    def run(self, *statements: str) -> None:
        """Statements of the ERP's owner, a transaction each, so that each is a batch of changes of its own."""
        connection = self.live.stack.connecting("erp_owner")()
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()

    def rows(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """What a SELECT brings from the ERP or the warehouse."""
        environment = self.live.stack.environment
        user, word = {"ERP": ("erp_owner", "ERP_OWNER_PASSWORD"), "warehouse": ("warehouse", "WAREHOUSE_PASSWORD")}[
            database
        ]
        connection = psycopg2.connect(
            host="127.0.0.1", port=environment.port("ERP_PORT"), dbname=database, user=user, password=environment[word]
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        connection.close()
        return found

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Everything below a prefix of the bucket, compressed files unpacked."""
        client, bucket = self.live.stack.aws("s3"), self.live.stack.settings.bucket
        found = {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for record in page.get("Contents", ()):
                body = client.get_object(Bucket=bucket, Key=record["Key"])["Body"].read()
                found[record["Key"]] = gzip.decompress(body) if record["Key"].endswith(".gz") else body
        return found

    def lines(self, table: str, since: datetime) -> list[tuple[str, Line]]:
        """Every change in the files of a table since a day, with the name of the file. A file is read once."""
        days = {f"cdc/{table}/dt={day:%Y-%m-%d}/" for day in (since, datetime.now(UTC))}
        client, bucket = self.live.stack.aws("s3"), self.live.stack.settings.bucket
        found = []
        for day in sorted(days):
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=day):
                for record in page.get("Contents", ()):
                    name, version = record["Key"], f"{record['Key']} {record['ETag']}"
                    if version not in self.read:
                        body = gzip.decompress(client.get_object(Bucket=bucket, Key=name)["Body"].read())
                        self.read[version] = [json.loads(line) for line in body.splitlines()]
                    found += [(name, line) for line in self.read[version]]
        return found

    def group(self, name: str) -> str:
        return str(self.nifi.groups()[name]["id"])

    def queues(self, group: str) -> dict[str, Line]:
        """The queues of a group, by where they lead from and to."""
        status = self.nifi.get(f"/flow/process-groups/{self.group(group)}/status")["processGroupStatus"]
        found = (q["connectionStatusSnapshot"] for q in status["aggregateSnapshot"]["connectionStatusSnapshots"])
        return {f"{q['sourceName']} → {q['destinationName']}": q for q in found}


@pytest.fixture(scope="module")
def canvas(live: Live) -> Iterator[Canvas]:
    whole = Compose(live.stack.environment)
    ran = any(c.service == "nifi" and c.state == "running" for c in whole.containers())
    began = time.monotonic()
    whole.output("up", "--wait", "--wait-timeout", "600", "--detach", "--no-build", *SERVICES)
    print(f"\nNiFi and its flows were well after {time.monotonic() - began:.0f} s.")
    yield Canvas(live, by_login(whole))
    _restore(live)
    if not ran:
        whole.output("rm", "--stop", "--force", *SERVICES)


def _restore(live: Live) -> None:
    with live.stack.connecting("erp_owner")() as session, session.cursor() as cursor:
        cursor.execute("DELETE FROM companies WHERE id >= 9500000")


@pytest.fixture(scope="module")
def now(canvas: Canvas) -> datetime:
    """A moment before all changes of these tests, some minutes back: clocks of servers may differ."""
    return datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture(scope="module")
def student(canvas: Canvas, now: datetime) -> tuple[int, str, Line]:
    """A student that was touched, the file that has the change, and its line."""
    number = canvas.rows("ERP", "SELECT max(id) FROM students")[0][0]
    place = int(canvas.rows("ERP", "SELECT pg_current_wal_lsn() - '0/0'")[0][0])
    canvas.run(f"UPDATE students SET promotion = promotion WHERE id = {number}")
    key = bytes.fromhex(canvas.live.stack.environment["PSEUDONYM_KEY"])
    pseudonym = hmac.new(key, str(number).encode(), hashlib.sha256).hexdigest()

    def written() -> tuple[str, Line] | None:
        found = [(file, line) for file, line in canvas.lines("students", now) if line["key"] == pseudonym]
        return next(((file, line) for file, line in found if line["op"] == "u" and line["lsn"] >= place), None)

    file, line = poll_until(written, "the change of the student in the bucket", BACKLOG) or ("", {})
    return number, file, line


def test_a_change_is_in_a_compressed_file_of_its_table_and_day_and_masked(canvas: Canvas, student: Any):
    number, file, line = student
    columns = "promotion, gender, date_of_birth::text, join_date::text, first_name, last_name, email, personal_email"
    row = canvas.rows("ERP", f"SELECT {columns} FROM students WHERE id = {number}")[0]
    after = line["after"]
    assert file == (f"cdc/students/dt={line['at'][:10]}/students-{line['partition']}-"
                    f"{int(file.split('-')[-2]):012d}-u.jsonl.gz")  # fmt: skip
    assert (after["promotion"], after["gender"], after["join_date"]) == (row[0], row[1], row[3])
    assert after["date_of_birth"] == f"{row[2][:4]}-01-01"
    assert after["id"] == line["key"] != number
    assert set(after) & {"first_name", "last_name", "email", "personal_email"} == set()
    text = json.dumps(line)
    assert [name for name in (*row[4:], str(number)) if name in text] == []


def test_the_path_of_the_row_is_told_by_the_command(canvas: Canvas, student: Any):
    number, file, line = student
    bucket = canvas.live.stack.settings.bucket
    out = poll_until(
        lambda: (o := canvas.live.succeed("nifi", "trace", "students", str(number))) and file in o and o,
        "the row's file in the provenance",
    )
    (sent,) = [shown for shown in out.splitlines() if f"s3://{bucket}/{file}" in shown and "CONTENT" not in shown][-1:]
    assert "Put into the bucket" in sent
    assert f"erp.public.students[{line['partition']}]" in sent
    for step in ("Take changes", "Check messages", "Mask personal fields", "Compress"):
        assert step in out
    assert "NiFi knows nothing of students 1" in canvas.live.lab("nifi", "trace", "students", "1").stderr


def test_messages_that_nothing_can_use_are_dead_letters_and_the_flow_goes_on(canvas: Canvas, now: datetime):
    topic = f"erp.public.strays_{uuid.uuid4().hex[:8]}"
    bootstrap = canvas.live.stack.kafka.split(",")
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 1, 2)])
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    begin = _end(canvas)
    try:
        poison = [b"not JSON", b"\xff\xfe", b'{"op":"c","after":{"id":1}}']
        for value in poison:
            producer.send(topic, key=b'{"id":1}', value=value)
        producer.flush(30)
        canvas.run(COMPANY.format(9500001, 1))

        def letters() -> list[Line]:
            files = canvas.objects(f"cdc/_dead/{topic}/dt=")
            return [json.loads(line) for content in files.values() for line in content.splitlines()]

        found = poll_until(lambda: len(lines := letters()) >= 3 and lines, "three dead letters", 120)
    finally:
        producer.close()
        admin.delete_topics([topic])
        admin.close()
    assert {line["why"] for line in found} == {f"no table of the catalogue has topic {topic}"}
    assert {line["dead"] for line in found} == {"unknown-table"}
    assert [line.get("value") for line in found] == ["not JSON", None, '{"op":"c","after":{"id":1}}']
    assert found[1]["value_base64"] == "//4="
    poll_until(lambda: [c for c in _written(canvas, now, begin) if c["key"] == 9500001], "a good change in the bucket")


def _written(canvas: Canvas, since: datetime, begin: int) -> list[Line]:
    """The changes of companies in the bucket, from an offset on: what is before is of an earlier test or session."""
    return [line for _, line in canvas.lines("companies", since) if line["offset"] >= begin]


def test_dropped_files_are_checked_row_by_row(canvas: Canvas, tmp_path: Path):
    name = f"companies-{uuid.uuid4().hex[:8]}.csv"
    file = tmp_path / name
    file.write_text(
        "id,name,sector,city,region,employees\n7,Firm 7,IT,Lyon,Rhône,12\n8,Firm 8,IT,Lyon,Rhône,many\n"
        '9,"Firm, 9",IT,Lyon,Rhône,3\n',
        encoding="utf-8",
    )
    assert "dropped" in canvas.live.succeed("nifi", "drop", str(file))
    taken = poll_until(lambda: canvas.objects(f"drop/companies/{name}"), "the accepted rows")
    assert taken == {f"drop/companies/{name}": '7,Firm 7,IT,Lyon,Rhône,12\n9,"Firm, 9",IT,Lyon,Rhône,3\n'.encode()}
    place = f"drop/_rejects/companies/{name}.jsonl"
    rejected = poll_until(lambda: canvas.objects(place), "the rejected row")
    assert json.loads(rejected[place]) == {
        "line": 3, "why": "employees: no int", "row": ["8", "Firm 8", "IT", "Lyon", "Rhône", "many"],
    }  # fmt: skip


@pytest.mark.parametrize("table", ["campuses", "companies", "subjects"])
def test_the_warehouse_has_the_reference_tables_as_they_are(canvas: Canvas, table: str):
    if table == "companies":
        canvas.run(COMPANY.format(9500002, 1), "UPDATE companies SET employees = 2 WHERE id = 9500002",
                   "DELETE FROM companies WHERE id = 9500002")  # fmt: skip
    wanted = canvas.rows("ERP", f"SELECT * FROM {table} ORDER BY id")
    select = f"SELECT * FROM nifi.{table}_current ORDER BY id"
    poll_until(lambda: canvas.rows("warehouse", select) == wanted, f"the rows of {table} in the warehouse", BACKLOG)
    if table == "companies":
        gone = "SELECT _op, employees FROM nifi.companies WHERE id = 9500002 AND _deleted"
        assert poll_until(lambda: canvas.rows("warehouse", gone), "the deletion") == [("d", 2)]


def test_an_export_of_a_group_is_its_file(canvas: Canvas):
    for name in flow_files():
        file = FOLDER / f"{name}.json"
        before = file.read_text(encoding="utf-8")
        try:
            assert f"nifi/flows/{name}.json" in canvas.live.succeed("nifi", "export", name)
            assert file.read_text(encoding="utf-8") == before
        finally:
            file.write_text(before, encoding="utf-8")


def test_a_stopped_processor_fills_its_queue_then_the_one_before_and_nothing_is_lost(canvas: Canvas, now: datetime):
    """Operations are files of their own, so that a few statements make more files than a queue holds."""
    nifi, group = canvas.nifi, canvas.group("changes")
    put = nifi.processors(group)["Put into the bucket"]
    nifi.run(put, "STOPPED")
    keys: list[int] = []
    begin = _end(canvas)

    def full() -> bool:
        for key in range(9510000 + len(keys), 9510006 + len(keys)):
            canvas.run(COMPANY.format(key, 1), f"UPDATE companies SET employees = 2 WHERE id = {key}",
                       f"DELETE FROM companies WHERE id = {key}")  # fmt: skip
            keys.append(key)
        queues = canvas.queues("changes")
        before, last = queues["Mask personal fields → Compress"], queues["Compress → Put into the bucket"]
        return bool(last["percentUseCount"] >= 100 and before["flowFilesQueued"] > 0)

    try:
        poll_until(full, "the queue before the bucket to be full, and the one before it to fill", 120)
    finally:
        nifi.run(put, "RUNNING")
    # Each operation of each row, once.
    wanted = sorted((key, op) for key in keys for op in ("c", "d", "tombstone", "u"))
    _until_written(canvas, now, begin, wanted)


def _until_written(canvas: Canvas, since: datetime, begin: int, wanted: list[tuple[int, str]]) -> None:
    """Wait until the bucket has these operations of these keys, sorted, and no other of theirs."""
    keys = {key for key, _ in wanted}

    def written() -> list[tuple[int, str]]:
        found = _written(canvas, since, begin)
        return sorted((line["key"], line["op"]) for line in found if line["key"] in keys)

    poll_until(lambda: written() == wanted, "all that waited in the bucket, and nothing twice", 120)


def test_a_full_bucket_keeps_the_files_waiting_and_says_why_and_nothing_is_lost(canvas: Canvas, now: datetime):
    """MinIO takes nothing more, by the bucket's own quota. What waits is written once there is room again."""
    begin, keys = _end(canvas), range(9530000, 9530005)
    _quota(canvas, "set lab/{bucket} --size 1B")
    try:
        for key in keys:
            canvas.run(COMPANY.format(key, 1))
        told = poll_until(lambda: [b for b in _bulletins(canvas) if "quota" in b.lower()], "NiFi to say why", 120)
        assert any("s3://" in line for line in told)
        assert _written(canvas, now, begin) == []
        queues = canvas.queues("changes")
        assert sum(q["flowFilesQueued"] for name, q in queues.items() if name.endswith("→ Put into the bucket")) > 0
    finally:
        _quota(canvas, "clear lab/{bucket}")
    _until_written(canvas, now, begin, [(key, "c") for key in keys])


def _quota(canvas: Canvas, words: str) -> None:
    """MinIO's own command, with the root's keys of its container."""
    bucket = canvas.live.stack.settings.bucket
    key = "MC_CONFIG_DIR=/tmp/mc MC_HOST_lab=http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
    canvas.live.sh("minio", f"{key} mc quota {words.format(bucket=bucket)}")


def _bulletins(canvas: Canvas) -> list[str]:
    """What processors have complained of within the last minutes, as the canvas shows it."""
    found = canvas.nifi.get("/flow/bulletin-board")["bulletinBoard"]["bulletins"]
    return [bulletin["bulletin"]["message"] for bulletin in found if "bulletin" in bulletin]


def test_killed_in_the_middle_of_changes_it_loses_none_and_doubles_only_whole_lines(canvas: Canvas, now: datetime):
    begin = _end(canvas)
    keys = range(9520000, 9520120)
    for key in keys[:40]:
        canvas.run(COMPANY.format(key, 1))
    canvas.live.kill("nifi")
    for key in keys[40:]:
        canvas.run(COMPANY.format(key, 1), f"UPDATE companies SET employees = 2 WHERE id = {key}")
    wanted = poll_until(lambda: len(found := _messages(canvas, begin)) >= 200 and found, "200 changes in Kafka")

    poll_until(
        lambda: set(wanted) <= {line["offset"] for line in _written(canvas, now, begin)},
        "all of them in the bucket",
        300,
    )
    found = _written(canvas, now, begin)
    for offset, (key, op) in wanted.items():
        (line,) = {json.dumps(line, sort_keys=True) for line in found if line["offset"] == offset}
        assert (json.loads(line)["key"], json.loads(line)["op"]) == (key, op)
    print(f"\n{len(wanted)} changes, 1 kill: none lost, {len(found) - len(wanted)} lines twice")
    poll_until(lambda: canvas.container("flows").well, "flows to be well", 120)


def _end(canvas: Canvas) -> int:
    with kafka.consumer(canvas.live.stack.kafka) as client:
        return int(client.end_offsets([PLACE])[PLACE])


def _messages(canvas: Canvas, begin: int) -> dict[int, tuple[int, str]]:
    """Offset, and key and operation, of every change of a company from there on."""
    found = {}
    with kafka.consumer(canvas.live.stack.kafka) as client:
        client.assign([PLACE])
        client.seek(PLACE, begin)
        for record in kafka.up_to(client, client.end_offsets([PLACE])):
            op = json.loads(record.value)["op"] if record.value else "tombstone"
            found[record.offset] = json.loads(record.key)["id"], op
    return found


@pytest.fixture
def page(browser: Browser, canvas: Canvas) -> Iterator[Page]:
    password = canvas.live.stack.environment["NIFI_ADMIN_PASSWORD"]
    context = browser.new_context(
        ignore_https_errors=True,
        http_credentials={"username": "admin", "password": password},
        viewport={"width": 1500, "height": 950},
    )
    context.set_default_timeout(SLOW)
    opened = context.new_page()
    yield opened
    context.close()


def test_the_canvas_shows_the_running_flow(page: Page, canvas: Canvas):
    page.goto(f"{canvas.nifi.url}/nifi/")
    for name in ("changes", "drop", "warehouse"):
        expect(page.locator("g.process-group").filter(has_text=name).first).to_be_visible(timeout=SLOW)
    page.goto(f"{canvas.nifi.url}/nifi/#/process-groups/{canvas.group('changes')}")
    for name in ("Take changes", "Mask personal fields", "Put into the bucket"):
        expect(page.locator("g.processor").filter(has_text=name).first).to_be_visible(timeout=SLOW)
    assert page.locator("g.processor").count() == 10


def test_the_page_of_provenance_finds_the_row(page: Page, canvas: Canvas, student: Any):
    number, file, _ = student
    poll_until(
        lambda: _searched(page, canvas, number), "the row's event: NiFi was killed, and reads what it had anew", 180
    )
    _event(page).get_by_role("button").click()
    page.get_by_role("menuitem", name="View Details").click()
    dialog = page.locator("mat-dialog-container")
    dialog.get_by_role("tab", name="Attributes").click()
    expect(dialog).to_contain_text(file, timeout=SLOW)


def _searched(page: Page, canvas: Canvas, number: int) -> bool:
    """Whether a search on the page of provenance finds the event of the row's file."""
    page.goto(f"{canvas.nifi.url}/nifi/#/provenance")
    page.reload()
    expect(page.get_by_role("row").nth(1)).to_be_visible(timeout=SLOW)  # before, the page is drawn again
    page.locator("button:has(i.fa-search)").click()
    dialog = page.locator("mat-dialog-container")
    dialog.get_by_label("keys").fill(f"* {number} *")
    dialog.get_by_role("button", name="Search").click()
    expect(page.get_by_text("events that match the specified query")).to_be_visible(timeout=SLOW)
    return _event(page).count() > 0


def _event(page: Page) -> Locator:
    events = page.get_by_role("row").filter(has_text="Put into the bucket").filter(has_text="ATTRIBUTES_MODIFIED")
    return events.first


def test_nobody_comes_in_without_the_password(browser: Browser, canvas: Canvas):
    for password, status in (("", 401), ("admin", 401), (canvas.live.stack.environment["NIFI_ADMIN_PASSWORD"], 200)):
        context = browser.new_context(
            ignore_https_errors=True,
            http_credentials={"username": "admin", "password": password} if password else None,
        )
        assert context.request.get(f"{canvas.nifi.url}/nifi/").status == status
        context.close()
