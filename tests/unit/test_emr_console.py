"""The console's server side, asked as a browser asks: who may, what is shown, what can be changed."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn
from aws_endpoint import Served, client
from emr_lab import Emr, Gate, shell, step
from polling import poll_until
from starlette.applications import Starlette

from services.aws.console import app as console
from services.aws.console import commands
from services.aws.console.guard import Guarded
from services.aws.console.views import Views
from services.aws.emr.model import Action, Step, StepState
from services.aws.server.app import build
from services.aws.server.beside import Beside
from services.aws.server.service import Service, model_of

KEY = "key-of-the-console-in-tests"
AWS_URL = "http://127.0.0.1:4566"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """A page of the console at that address, with its key; headers may be changed, and None leaves one out."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, content: bytes | None = None, **changes: str | None) -> Answer:
        own = {"Authorization": f"Bearer {KEY}", "Sec-Fetch-Site": "same-origin"}
        if content is not None:
            own |= {"Origin": self.url, "Content-Type": "application/json"}
        named = {name.replace("_", "-").title(): value for name, value in changes.items()}
        sent = {name: value for name, value in {**own, **named}.items() if value is not None}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, content, sent), timeout=20) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def look(self, path: str, **asked: Any) -> Any:
        answer = self.ask(f"/emr/api/{path}?{urlencode(asked, doseq=True)}")
        assert answer.status == 200, answer
        return answer.json

    def change(self, path: str, **members: str) -> Answer:
        return self.ask(f"/emr/api/{path}", json.dumps(members).encode())

    def log(self, cluster: str, step_id: str, name: str, **asked: int) -> tuple[int, int, bytes]:
        """Where the piece begins, how long the log is, and the piece."""
        found = self.ask(f"/emr/api/clusters/{cluster}/steps/{step_id}/logs/{name}?{urlencode(asked)}")
        assert found.status == 200, found
        return int(found.headers["log-from"]), int(found.headers["log-size"]), found.body


@pytest.fixture
def browser(emr: Emr, served: Served) -> Browser:
    service = Service(model_of("emr"), emr.engine)
    views = Views(service, emr.engine, AWS_URL)
    endpoint = build({service.signing_name: service}, {"AKIA": "secret"}, lambda: {"ok": True})
    served.app = Beside(endpoint, console.build(lambda: views, KEY), console.PLACE, None)
    return Browser(served.url)


def waiting(emr: Emr, *, gate: Gate) -> tuple[str, str, str]:
    """A cluster with a step that runs until the gate opens, and one that waits for it."""
    cluster = emr.cluster()
    runs, waits = emr.add(cluster, shell(gate.wait, name="runs"), shell("true", name="waits"))
    gate.reached()
    return cluster, runs, waits


# Who may


DATA = (
    "clusters",
    "clusters/{0}",
    "clusters/{0}/steps",
    "clusters/{0}/steps/{1}",
    "clusters/{0}/steps/{1}/logs/stdout",
)
CHANGES = ("clusters/{0}/terminate", "clusters/{0}/steps/{1}/cancel")


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", KEY, f"bearer {KEY}x"]
)
def test_without_the_key_nothing_is_told_and_nothing_done(emr: Emr, browser: Browser, given: str | None) -> None:
    cluster, runs, waits = waiting(emr, gate=emr.gate())
    for path in DATA:
        refused = browser.ask(f"/emr/api/{path.format(cluster, runs)}", authorization=given)
        assert refused.status == 401
        assert set(refused.json) == {"message"}
    for path in CHANGES:
        assert browser.ask(f"/emr/api/{path.format(cluster, waits)}", b"{}", authorization=given).status == 401
    assert (emr.state(cluster, waits), emr.status(cluster)["State"]) == ("PENDING", "RUNNING")


def test_an_empty_key_is_a_mistake_and_no_open_door() -> None:
    with pytest.raises(ValueError, match="open the console to everyone"):
        Guarded(Starlette(), "")


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},  # another port of this machine is another site
    {"origin": None},
    {"content_type": "text/plain"},
    {"content_type": None},
    {"content_type": "application/x-www-form-urlencoded"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "localhost@evil.example"},
]


@pytest.mark.parametrize("changes", FOREIGN)
def test_another_site_changes_nothing_even_when_the_key_comes_along(
    emr: Emr, browser: Browser, changes: dict[str, str | None]
) -> None:
    cluster, _, waits = waiting(emr, gate=emr.gate())
    for path in CHANGES:
        refused = browser.ask(f"/emr/api/{path.format(cluster, waits)}", b"{}", **changes)
        assert refused.status == 403, refused
    assert (emr.state(cluster, waits), emr.status(cluster)["State"]) == ("PENDING", "RUNNING")


@pytest.mark.parametrize("path", ["/emr/", "/emr/console.js", "/emr/api/clusters"])
def test_a_name_that_is_not_this_machines_is_refused(browser: Browser, path: str) -> None:
    port = browser.url.rpartition(":")[2]
    for host in (f"evil.example:{port}", "", "[::1", "0x7f000001"):
        assert browser.ask(path, host=host).status in (400, 403), host
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert browser.ask(path, host=host).status == 200, host


def test_another_site_does_not_look(browser: Browser) -> None:
    for changes in ({"sec_fetch_site": "same-site"}, {"origin": "http://127.0.0.1:1"}):
        assert browser.ask("/emr/api/clusters", **changes).status == 403
    assert browser.ask("/emr/api/clusters", sec_fetch_site=None).status == 200


def test_changes_are_made_by_post_alone(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster()
    assert browser.ask(f"/emr/api/clusters/{cluster}/terminate").status == 405
    assert emr.status(cluster)["State"] == "WAITING"


def test_the_page_needs_no_key_has_nothing_in_it_and_loads_nothing_from_elsewhere(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster(Name="not for everyone")
    for path in ("/emr/", f"/emr/clusters/{cluster}", f"/emr/clusters/{cluster}/steps/s-1"):
        page = browser.ask(path, authorization=None)
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "not for everyone" not in page.body.decode()
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    text = browser.ask("/emr/").body.decode()
    loads = re.findall(r'(?:src|href)="(?!data:|#)([^"]+)"', text)
    assert set(loads) == {"/emr/", "/emr/console.css", "/emr/console.js"}
    files = sorted(file.name for file in console._PAGE.iterdir() if file.suffix in (".js", ".css"))
    for name in files:
        asset = browser.ask(f"/emr/{name}", authorization=None)
        assert asset.status == 200, name
        assert set(re.findall(r"https?://[^\s\"']+", asset.body.decode())) <= {"http://www.w3.org/2000/svg"}, name
        for imported in re.findall(r'from "\./([^"]+)"', asset.body.decode()):
            assert imported in files, f"{name} imports {imported}"
    assert browser.ask("/emr/index.html").status == browser.ask("/emr/../app.py").status == 404


def test_a_port_of_its_own_has_the_console_alone_and_the_endpoints_port_has_none(emr: Emr) -> None:
    service = Service(model_of("emr"), emr.engine)
    endpoint = build({service.signing_name: service}, {"AKIA": "secret"}, lambda: {"ok": True})
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    aws, page = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    views = Views(service, emr.engine, aws)
    app = Beside(endpoint, console.build(lambda: views, KEY), console.PLACE, sockets[1].getsockname()[1])
    with running(app, sockets):
        assert Browser(page).ask("/emr/api/clusters").status == 200
        assert Browser(page).ask("/health").status == Browser(page).ask("/", b"{}").status == 404
        for path in ("/emr/", "/emr/api/clusters", "/emr/health", "/emr/console.js"):
            asked = Browser(aws).ask(path, host=page.removeprefix("http://"))  # says that it is for the other port
            assert asked.status == 404, path
        assert client(aws, "emr", "AKIA", "secret").list_clusters()["Clusters"] == []
        assert Browser(page).ask("/emr/health", host="aws:4567", authorization=None).body == b"well\n"


class running:
    """An application on these sockets for the length of the block."""

    def __init__(self, app: Any, sockets: list[socket.socket]) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": sockets}, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        poll_until(lambda: self._server.started, "the server to listen", 15)

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(15)


# What is shown


def test_a_cluster_as_the_api_describes_it_with_all_that_belongs_to_it(emr: Emr, browser: Browser, tmp_path) -> None:
    emr.storage.write("s3://logs/boot.sh", b"#!/bin/sh\necho set up $1\n")
    cluster = emr.cluster(
        Name="école",
        Tags=[{"Key": "course", "Value": "5DATA"}],
        Configurations=[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "7"}}],
        BootstrapActions=[
            {"Name": "set up", "ScriptBootstrapAction": {"Path": "s3://logs/boot.sh", "Args": ["Python & co"]}}
        ],
        AutoTerminationPolicy={"IdleTimeout": 3600},
    )

    shown = browser.look(f"clusters/{cluster}")
    described = shown["Cluster"]
    action = browser.look(f"clusters/{cluster}/steps/bootstrap-1")

    assert (described["Id"], described["Name"], described["Status"]["State"]) == (cluster, "école", "WAITING")
    assert described["Tags"] == [{"Key": "course", "Value": "5DATA"}]
    assert described["Configurations"][0]["Properties"] == {"spark.sql.shuffle.partitions": "7"}
    assert shown["AutoTerminationPolicy"] == {"IdleTimeout": 3600}
    assert [group["InstanceType"] for group in shown["InstanceGroups"]] == ["m5.xlarge"]
    assert shown["BootstrapActions"][0]["ScriptPath"] == "s3://logs/boot.sh"
    assert action["Command"] == "s3://logs/boot.sh 'Python & co'"
    assert action["Logs"]["stdout"] == f"s3://logs/{cluster}/node/master/bootstrap-actions/1/stdout.gz"
    assert browser.log(cluster, "bootstrap-1", "stdout") == (0, 19, b"set up Python & co\n")


def test_a_failed_step_with_its_reason_and_the_log_that_is_named(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster()
    (failed,) = emr.add(cluster, shell("echo fine; echo no room left >&2; exit 3", name="load"))
    emr.ended(cluster, [failed])

    shown = browser.look(f"clusters/{cluster}/steps/{failed}")

    assert shown["Command"] == "bash -c 'echo fine; echo no room left >&2; exit 3'"
    details = shown["Step"]["Status"]["FailureDetails"]
    assert details["LogFile"] == shown["Logs"]["stderr"] == f"s3://logs/{cluster}/steps/{failed}/stderr.gz"
    assert (details["Reason"], details["Message"]) == ("Exited with code 3", "no room left")


def test_what_does_not_exist_is_told_in_the_words_of_the_api(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster()
    for path, told in (
        ("clusters/j-NONE", "Cluster id 'j-NONE' is not valid."),
        (f"clusters/{cluster}/steps/s-NONE", "Step id 's-NONE' is not valid."),
        (f"clusters/{cluster}/steps/bootstrap-1", "Bootstrap action 1 does not exist."),
        (f"clusters/{cluster}/steps/s-NONE/logs/stdout", "Step id 's-NONE' is not valid."),
        (f"clusters/{cluster}/steps?after=s-NONE", "Marker 's-NONE' is not valid."),
    ):
        answer = browser.ask(f"/emr/api/{path}")
        assert (answer.status, answer.json["message"]) == (400, told)
    assert browser.ask(f"/emr/api/clusters/{cluster}/steps/s-1/logs/passwd").status == 404
    assert browser.ask(f"/emr/api/clusters/{cluster}/steps/s-1/logs/..%2f..%2fstate.db").status == 404


def history(emr: Emr, count: int) -> str:
    """A cluster with so many steps: every 1,000th failed, names by the hundred."""
    cluster, now = emr.cluster(), datetime.now(UTC)
    done = Step("s-0", cluster, "load 0", Action.CONTINUE, "command-runner.jar", now, ("true",))
    done = replace(done, state=StepState.COMPLETED, started=now, ended=now)
    states = {0: StepState.FAILED}
    emr.store.save(
        *(
            replace(done, id=f"s-{n}", name=f"load {n // 100}", state=states.get(n % 1000, StepState.COMPLETED))
            for n in range(count)
        )
    )
    return cluster


def test_ten_thousand_steps_in_pages_by_state_and_by_name(emr: Emr, browser: Browser) -> None:
    cluster = history(emr, 10_000)
    steps = f"clusters/{cluster}/steps"

    newest = browser.look(steps)
    older = browser.look(steps, after=newest["Marker"])
    oldest = browser.look(steps, after="s-50")
    failed = browser.look(steps, state=["FAILED", "INTERRUPTED"])

    assert ids(newest) == [f"s-{n}" for n in range(9999, 9949, -1)]
    assert ids(older) == [f"s-{n}" for n in range(9949, 9899, -1)]
    assert (ids(oldest), "Marker" in oldest) == ([f"s-{n}" for n in range(49, -1, -1)], False)
    assert (ids(failed), "Marker" in failed) == ([f"s-{n}" for n in range(9000, -1, -1000)], False)

    first = browser.look(steps, search="LOAD 95")
    rest = browser.look(steps, search="LOAD 95", after=first["Marker"])
    assert ids(first) == [f"s-{n}" for n in range(9599, 9549, -1)]
    assert ids(rest) == [f"s-{n}" for n in range(9549, 9499, -1)]
    assert browser.look(steps, search="s-9321")["Steps"][0]["Name"] == "load 93"


def test_a_search_of_a_long_history_goes_on_where_it_stopped(emr: Emr, browser: Browser) -> None:
    cluster = history(emr, 2_500)
    found, after, rounds = [], {}, 0
    while True:
        page = browser.look(f"clusters/{cluster}/steps", search="s-77", **after)
        found += ids(page)
        rounds += 1
        if "Marker" not in page:
            break
        after = {"after": page["Marker"]}
    assert found == [*(f"s-{n}" for n in range(779, 769, -1)), "s-77"]
    assert rounds == 3  # of a thousand each
    assert browser.look(f"clusters/{cluster}/steps", search="nobody")["Looked"] == 1_000


def ids(page: dict[str, Any]) -> list[str]:
    return [each["Id"] for each in page["Steps"]]


def test_clusters_by_state_and_name(emr: Emr, browser: Browser) -> None:
    made = [emr.cluster(keep=keep, wait=False, Name=name) for name, keep in (("Trends", False), ("unload", True))]
    emr.over(made[0])
    emr.engine.wait_for_cluster(made[1], timeout=60)

    def found(**asked: Any) -> list[str]:
        return [each["Name"] for each in browser.look("clusters", **asked)["Clusters"]]

    assert found() == ["unload", "Trends"]
    assert found(state=["TERMINATED", "TERMINATED_WITH_ERRORS"]) == ["Trends"]
    assert found(search="trend") == ["Trends"]
    assert found(search=made[1].lower()) == ["unload"]
    assert found(search="trend", state="WAITING") == []
    assert browser.ask("/emr/api/clusters?state=NONE").status == 400


def test_what_did_not_change_is_not_sent_again(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster()
    path = f"/emr/api/clusters/{cluster}"
    first = browser.ask(path)
    again = browser.ask(path, if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")

    emr.engine.add_tags({"ResourceId": cluster, "Tags": [{"Key": "a", "Value": "b"}]})

    changed = browser.ask(path, if_none_match=first.headers["etag"])
    assert changed.status == 200
    assert changed.json["Cluster"]["Tags"] == [{"Key": "a", "Value": "b"}]


# Logs


def test_a_log_is_followed_while_it_grows_and_to_its_end(emr: Emr, browser: Browser) -> None:
    one, two = emr.gate("one"), emr.gate("two")
    cluster = emr.cluster()
    (running_step,) = emr.add(cluster, shell(f"echo né; {one.wait}; echo two; {two.wait}; printf three"))
    one.reached()
    assert browser.log(cluster, running_step, "stdout") == (0, 4, b"n\xc3\xa9\n")
    one.open()
    two.reached()
    assert browser.log(cluster, running_step, "stdout", **{"from": 4}) == (4, 8, b"two\n")
    assert browser.log(cluster, running_step, "stdout", **{"from": 8}) == (8, 8, b"")
    assert browser.log(cluster, running_step, "stderr") == (0, 0, b"")
    two.open()
    emr.ended(cluster, [running_step])

    # From S3 now, at the same places.
    poll_until(lambda: not emr.executor.folder(cluster, running_step).exists(), "the local logs to go")
    assert browser.log(cluster, running_step, "stdout", **{"from": 8}) == (8, 13, b"three")
    assert browser.log(cluster, running_step, "stdout") == (0, 13, b"n\xc3\xa9\ntwo\nthree")
    assert browser.log(cluster, running_step, "stdout", most=4) == (9, 13, b"hree")
    assert browser.log(cluster, running_step, "stdout", **{"from": 4, "most": 3}) == (4, 13, b"two")
    assert browser.log(cluster, running_step, "stdout", **{"from": 99}) == (13, 13, b"")


def test_of_a_large_log_only_pieces_are_read(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster()
    (ended,) = emr.add(cluster, shell("true"))
    emr.ended(cluster, [ended])
    poll_until(lambda: not emr.executor.folder(cluster, ended).exists(), "the local logs to go")
    lines = b"".join(b"%09d\n" % n for n in range(300_000))
    emr.storage.write(f"s3://logs/{cluster}/steps/{ended}/stdout.gz", gzip.compress(lines, 1))

    most = 1 << 18
    assert browser.log(cluster, ended, "stdout") == (len(lines) - most, len(lines), lines[-most:])
    assert browser.log(cluster, ended, "stdout", most=20) == (len(lines) - 20, len(lines), lines[-20:])
    middle = {"from": 1_234_567, "most": 10 * most}
    assert browser.log(cluster, ended, "stdout", **middle) == (
        1_234_567, len(lines), lines[1_234_567 : 1_234_567 + most],
    )  # fmt: skip


def test_a_log_that_a_step_replaced_by_something_else_is_not_read(emr: Emr, browser: Browser, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another")
    gate = emr.gate()
    cluster = emr.cluster()
    script = f"ln -sf {secret} ../stdout; rm ../stderr; mkfifo ../stderr; {gate.wait}"
    (evil,) = emr.add(cluster, shell(script))
    gate.reached()
    for name in ("stdout", "stderr"):
        assert browser.log(cluster, evil, name) == (0, 0, b""), name
    gate.open()
    assert emr.ended(cluster, [evil])[0]["State"] == "COMPLETED"
    poll_until(lambda: not emr.executor.folder(cluster, evil).exists(), "the local logs to go")
    for name in ("stdout", "stderr"):
        assert browser.log(cluster, evil, name) == (0, 0, b""), name


@pytest.mark.parametrize("asked", ["from=-1", "from=x", "most=0", "most=-5", "from=1&most="])
def test_a_piece_that_makes_no_sense_is_refused(emr: Emr, browser: Browser, asked: str) -> None:
    cluster = emr.cluster()
    (ended,) = emr.add(cluster, shell("true"))
    assert browser.ask(f"/emr/api/clusters/{cluster}/steps/{ended}/logs/stdout?{asked}").status == 400


# What can be changed


def test_a_pending_step_and_a_running_one_are_cancelled(emr: Emr, browser: Browser) -> None:
    cluster, runs, waits = waiting(emr, gate=emr.gate())
    assert browser.change(f"clusters/{cluster}/steps/{waits}/cancel").json["Status"] == "SUBMITTED"
    assert emr.state(cluster, waits) == "CANCELLED"
    answer = browser.change(f"clusters/{cluster}/steps/{runs}/cancel", option="TERMINATE_PROCESS")
    assert answer.json["Status"] == "SUBMITTED"
    assert emr.ended(cluster, [runs])[0]["State"] == "CANCELLED"
    again = browser.change(f"clusters/{cluster}/steps/{runs}/cancel").json
    assert (again["Status"], again["Reason"]) == ("FAILED", "Cannot cancel a step in state CANCELLED.")
    assert browser.change(f"clusters/{cluster}/steps/{runs}/cancel", option="x").status == 400


def test_a_cluster_is_terminated_but_not_a_protected_one(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster(instances={"TerminationProtected": True})
    refused = browser.change(f"clusters/{cluster}/terminate")
    assert refused.status == 400
    assert "termination protected" in refused.json["message"]
    assert emr.status(cluster)["State"] == "WAITING"
    emr.engine.set_termination_protection({"JobFlowIds": [cluster], "TerminationProtected": False})
    assert browser.change(f"clusters/{cluster}/terminate").status == 200
    assert emr.over(cluster)["State"] == "TERMINATED"


# Commands


def test_the_command_is_shown_without_its_secrets() -> None:
    spark = {"Jar": "command-runner.jar", "Args": ["spark-submit", "job.py", "--password", "s3cr3t", "a b"]}
    assert commands.ran(spark) == "spark-submit job.py --password '****' 'a b'"
    own = {"Jar": "s3://jars/own.jar", "MainClass": "org.Main", "Args": ["x"]}
    assert commands.ran(own) == "s3://jars/own.jar org.Main x"


def test_the_line_for_the_cli_adds_the_same_step(emr: Emr, browser: Browser) -> None:
    cluster = emr.cluster()
    args = ["bash", "-c", 'echo "it\'s" {a,b} $HOME é; exit 1']
    (first,) = emr.add(cluster, step(*args, name="quotes ' and \" too", action="CANCEL_AND_WAIT"))

    words = shlex.split(browser.look(f"clusters/{cluster}/steps/{first}")["Again"])

    assert words[:3] == ["aws", "emr", "add-steps"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    (again,) = json.loads(options.pop("--steps"))
    assert options == {"--endpoint-url": AWS_URL, "--region": "eu-west-1", "--cluster-id": cluster}
    assert again == {
        "Type": "CUSTOM_JAR",
        "Name": "quotes ' and \" too",
        "ActionOnFailure": "CANCEL_AND_WAIT",
        "Jar": "command-runner.jar",
        "Args": args,
    }


def test_properties_of_a_jar_are_written_as_the_cli_takes_them() -> None:
    config = {"Jar": "s3://jars/own.jar", "Args": [], "Properties": {"a": "b=c", "d": ""}}
    own = {"Name": "own", "ActionOnFailure": "CONTINUE", "Config": config}
    line = commands.add_steps("j-1", own, "eu-west-1", AWS_URL)
    (again,) = json.loads(shlex.split(line)[-1])
    assert again["Properties"] == "a=b=c,d="
    with_comma = {**own, "Config": {**config, "Properties": {"a": "b,c"}}}
    assert commands.add_steps("j-1", with_comma, "eu-west-1", AWS_URL) is None
