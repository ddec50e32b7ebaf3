"""What is said of changes that do not get through, and what is done about it; connectors by a Connect that answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from lab import cli
from lab.live import connectors, tail
from lab.live.connect import Connect, NotThere, State
from lab.live.connectors import Definition
from lab.live.status import Slot, Status
from lab.live.watch import Watch
from lakelab.errors import LabError

RUNS = State("erp-source", "RUNNING", ("RUNNING",))
FAILED = State("erp-source", "RUNNING", ("FAILED",), "no such database")
SLOT = Slot(active=True, log="reserved", behind=100, retained=5000, confirmed="0/1")
WELL = Status((RUNS,), SLOT, 2.0)


def changed(**parts) -> Status:
    return Status(**{**vars(WELL), **parts})


def slot(**parts) -> Slot:
    return Slot(**{**vars(SLOT), **parts})


def test_when_all_is_well_nothing_is_said():
    assert WELL.problems == []


@pytest.mark.parametrize(
    ("status", "first"),
    [
        (
            changed(slot=None),
            "slot debezium_erp is not in the ERP: changes are missed; `lab cdc resnapshot` repairs it",
        ),
        (changed(slot=slot(log="lost")), "slot debezium_erp is lost: changes are missed"),
        (changed(slot=slot(active=False)), "nobody reads slot debezium_erp: the ERP keeps its log (0 MB) for it"),
        (
            changed(slot=slot(retained=600 * 2**20)),
            "the ERP keeps 629 MB of log for slot debezium_erp, which is lost at",
        ),
        (
            changed(connectors=(FAILED,)),
            "connector erp-source is failed: no such database; see `lab stack logs connect`",
        ),
        (changed(connectors=(State("erp-source", "MISSING", ()),)), "connector erp-source is missing, no task"),
        (changed(silent=31.0), "no sign of life of Debezium for 31 s"),
        (changed(slot=None, unseen=("no ERP answers at this address",)), "no ERP answers at this address"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(status, first):
    assert status.problems[0].startswith(first)
    assert len(status.problems) == 1


def test_while_tables_are_read_nobody_needs_the_slot():
    assert changed(slot=slot(active=False), silent=99.0, reading=True).problems == []
    assert changed(slot=slot(log="lost"), reading=True).problems


class Restarts:
    """A Connect of which only restarts are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def restart_failed(self, name: str) -> None:
        self.asked.append(name)


@pytest.fixture
def restarts() -> Restarts:
    return Restarts()


@pytest.fixture
def watch(restarts, tmp_path) -> Watch:
    return Watch(restarts, tmp_path / "cdc")


def test_the_watch_tells_each_change_once_and_leaves_its_state_for_the_health_check(watch, tmp_path):
    assert watch.see(WELL, 0) == ["changes get through"]
    assert watch.see(WELL, 5) == []
    assert (tmp_path / "cdc").read_text() == "well\n"
    lost = changed(slot=slot(log="lost"))
    assert watch.see(lost, 10) == lost.problems
    assert watch.see(lost, 15) == []
    assert (tmp_path / "cdc").read_text() == "ill\n"
    assert watch.see(WELL, 20) == ["changes get through"]


def test_what_failed_is_started_again_with_a_pause_that_doubles(watch, restarts):
    tries = [now for now in range(0, 100, 5) if any("started again" in line for line in watch.see(failing(), now))]
    assert tries == [0, 5, 15, 35, 75]
    watch.see(WELL, 100)
    watch.see(failing(), 105)
    assert restarts.asked == ["erp-source"] * 6


def failing() -> Status:
    return changed(connectors=(FAILED,))


def test_a_connector_that_stands_where_the_log_is_gone_is_said_and_left_alone(watch, restarts):
    refused = State(
        "erp-source", "RUNNING", ("FAILED",), "reading at …, but this is no longer available on the server."
    )
    said = watch.see(changed(connectors=(refused,)), 0)
    assert said[0].endswith("is another one than it was: changes are missed; `lab cdc resnapshot` repairs it")
    assert restarts.asked == []


@pytest.mark.parametrize("gone", [None, slot(log="lost")])
def test_a_connector_whose_slot_is_gone_is_left_alone(watch, restarts, gone):
    watch.see(changed(connectors=(FAILED,), slot=gone), 0)
    assert restarts.asked == []


TRACE = """org.apache.kafka.connect.errors.ConnectException: it did not work
\tat io.debezium.Task.start(Task.java:1)
Caused by: io.debezium.DebeziumException: reading at Offset [sourceInfo=[lsn=1], x=[a]], but this is gone
"""


class Rest(BaseHTTPRequestHandler):
    """Kafka Connect with one connector in memory, whose state a test sets."""

    config: dict[str, str] | None = None
    tasks: ClassVar[list[dict[str, object]]] = []
    puts: ClassVar[list[dict[str, str]]] = []
    posts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if self.config is None:
            return self._say(404, {"error_code": 404, "message": "Connector a not found"})
        if self.path.endswith("/config"):
            return self._say(200, {**self.config, "name": "a"})
        return self._say(200, {"name": "a", "connector": {"state": "RUNNING"}, "tasks": self.tasks})

    def do_PUT(self) -> None:
        config = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "connector.class" not in config:
            return self._say(400, {"error_code": 400, "message": "Missing connector.class\nline two"})
        Rest.config = config
        Rest.puts.append(config)
        return self._say(201, {})

    def do_POST(self) -> None:
        Rest.posts.append(self.path)
        self._say(202, {})

    def _say(self, code: int, body: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def connect() -> Iterator[Connect]:
    Rest.config, Rest.tasks, Rest.puts, Rest.posts = None, [{"id": 0, "state": "RUNNING"}], [], []
    server = HTTPServer(("127.0.0.1", 0), Rest)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield Connect(f"http://127.0.0.1:{server.server_address[1]}/")
    server.shutdown()
    server.server_close()


WANTED = Definition("a", {"connector.class": "X", "tasks.max": "1"})


def test_a_definition_is_applied_once_and_again_only_when_it_changes(connect):
    assert connectors.apply(connect, WANTED)
    assert not connectors.apply(connect, WANTED)
    assert connectors.apply(connect, Definition("a", {**WANTED.config, "tasks.max": "2"}))
    assert [config["tasks.max"] for config in Rest.puts] == ["1", "2"]
    assert connectors.wait_until_running(connect, "a").running


def test_what_failed_of_a_connector_is_started_again_by_the_next_start(connect):
    connectors.apply(connect, WANTED)
    Rest.tasks = [{"id": 0, "state": "FAILED", "trace": TRACE}]
    assert connectors.apply(connect, WANTED)
    assert Rest.posts == ["/connectors/a/restart?includeTasks=true&onlyFailed=true"]
    with pytest.raises(LabError, match="connector a is failed, not running: reading at …") as caught:
        connectors.wait_until_running(connect, "a")
    assert "but this is gone" in str(caught.value)
    assert "lsn=1" not in str(caught.value)


def test_errors_of_connect_are_one_line(connect):
    with pytest.raises(NotThere, match="has no a"):
        connect.state("a")
    with pytest.raises(LabError, match=r"refuses: Missing connector\.class line two"):
        connect.put("a", {})
    with pytest.raises(LabError, match="Kafka Connect does not answer"):
        Connect("http://127.0.0.1:1").names()


def change(op: str, before: object, after: object) -> bytes:
    return json.dumps({"op": op, "before": before, "after": after, "source": {"table": "t"}}).encode()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "tombstone"),
        (b"not json", "not json"),
        (b'{"symbol": "ACME"}', '{"symbol": "ACME"}'),
        (change("c", None, {"id": 1}), 'created  {"id": 1}'),
        (change("u", {"id": 1, "n": 1}, {"id": 1, "n": 2}), "updated  n: 1 → 2"),
        (change("d", {"id": 1}, None), 'deleted  {"id": 1}'),
        (b'"' + b"x" * 500 + b'"', "x" * 160 + "…"),
    ],
)
def test_a_message_is_one_line(value, line):
    assert tail.summary(value) == line


def test_commands_name_what_is_missing_in_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_STACK_ENV", str(tmp_path / ".env.local"))
    for arguments, told in ((["kafka", "topics"], "run `make up`"), (["cdc", "resnapshot", "rooms"], "no table rooms")):
        with pytest.raises(SystemExit):
            cli.main(arguments)
        said = capsys.readouterr().err
        assert told in said
        assert said.count("\n") == 1
