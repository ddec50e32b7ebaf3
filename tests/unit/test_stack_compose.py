"""The stack's files as Compose reads them, and what the commands say when something is missing. Needs no engine."""

from __future__ import annotations

import copy
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compose_rules import JOBS, violations

from lab import cli
from lab.stack import compose
from lab.stack.addresses import ADDRESSES, PROFILES
from lab.stack.compose import Compose, Container
from lab.stack.environment import PORTS, SECRETS, SETTINGS, ensure_environment, read_environment
from lab.stack.lifecycle import taken_ports
from lakelab.settings import REPOSITORY

AREAS = sorted((REPOSITORY / "compose").glob("*.yaml"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Compose:
    if not shutil.which("docker") or compose.compose_version() is None:
        pytest.skip("`docker compose` is not here to read the files: make engine")
    return Compose(ensure_environment(tmp_path_factory.mktemp("compose") / ".env.local"))


@pytest.mark.parametrize("profiles", [PROFILES, ("batch",), ("live",), ("live", "nifi")])
def test_every_service_keeps_the_rules(stack, profiles):
    part = Compose(stack.environment, profiles)
    assert violations(part.description, stack.environment.values) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ports": [{"published": "9000", "host_ip": "0.0.0.0"}]}, "is not on 127.0.0.1"),
        ({"ports": [{"published": "9000"}]}, "is not on 127.0.0.1"),
        ({"user": "0:0"}, "runs as root"),
        ({"user": None}, "runs as root"),
        ({"mem_limit": "0"}, "has no memory limit"),
        ({"image": "debian:latest"}, "is not pinned"),
        ({"image": "debian"}, "is not pinned"),
        ({"privileged": True}, "has rights"),
        ({"cap_drop": []}, "keeps rights"),
        ({"healthcheck": {}}, "has no health check"),
        ({"healthcheck": {"test": ["CMD", "true"]}}, "has a health check that is dear"),
        ({"restart": "no"}, "does not restart"),
        ({"container_name": "minio"}, "fixed name"),
        ({"environment": {"MINIO_ROOT_PASSWORD": "minioadmin"}}, "is not from .env.local"),
    ],
)
def test_a_service_that_breaks_a_rule_is_seen(stack, change, told):
    description: dict[str, Any] = copy.deepcopy(stack.description)
    service = description["services"]["minio"]
    service.update({key: value for key, value in change.items() if value is not None})
    for key in [key for key, value in change.items() if value is None]:
        del service[key]
    found = violations(description, stack.environment.values)
    assert len(found) == 1
    assert found[0].startswith("minio: ")
    assert told in found[0]


def test_the_services_are_those_of_the_platform(stack):
    assert set(stack.services) == {
        *("postgres", "minio", "namenode", "datanode", "resourcemanager", "nodemanager", "metastore", "hiveserver2"),
        *("sparkhistory", "master", "aws", "moto", "airflow", "nginx", "home", *JOBS),
        *("kafka-1", "kafka-2", "kafka-controller", "connect", "cdc-watch", "lake", "api", "market"),
        *("nifi", "flows"),
    }


BATCH = {"resourcemanager", "nodemanager", "sparkhistory", "master", "aws", "moto", "airflow", "prepare"}
LIVE = {"kafka-1", "kafka-2", "kafka-controller", "connect", "topics", "cdc", "cdc-watch", "lake", "api", "market"}
WITH_NIFI = {"nifi", "flows"}


@pytest.mark.parametrize(("half", "absent"), [("batch", LIVE | WITH_NIFI), ("live", BATCH | WITH_NIFI | {"bucket"})])
def test_each_half_can_be_started_without_the_other(stack, half, absent):
    services = Compose(stack.environment, (half,)).services
    assert set(services) == set(stack.services) - absent
    for name, service in services.items():
        assert needed(service) <= set(services), name


def needed(service):
    """The services that must be there: of others Compose only says that they are not."""
    return {name for name, how in service.get("depends_on", {}).items() if how["required"]}


def test_the_halves_that_were_asked_for_are_remembered(terminal):
    assert compose.kept_halves() == ("batch", "live")
    terminal.docker_answers(*ALIVE, CONFIG, "image inspect|0|sha256:1|")
    assert terminal.lab("stack", "up", "--only", "live").returncode == 0
    assert compose.kept_halves() == ("live",)
    assert terminal.lab("stack", "up", "--nifi").returncode == 0
    assert compose.kept_halves() == ("batch", "live", "nifi")
    assert terminal.lab("stack", "up").returncode == 0
    assert compose.kept_halves() == ("batch", "live")


def test_nifi_comes_with_the_half_that_it_reads(terminal):
    terminal.docker_answers(*ALIVE, CONFIG)
    done = terminal.lab("stack", "up", "--only", "batch", "--nifi")
    assert done.returncode == 1
    assert "NiFi reads what the live half captures" in done.stderr


def test_nifi_has_all_it_needs_beside_the_live_half(stack):
    services = Compose(stack.environment, ("live", "nifi")).services
    assert set(services) == set(stack.services) - BATCH
    for name, service in services.items():
        assert needed(service) <= set(services), name


def test_the_first_reading_of_the_tables_waits_for_what_else_starts(stack):
    waited = stack.services["cdc"]["depends_on"]
    optional = {name for name, how in waited.items() if not how["required"]}
    assert optional == {"airflow", "flows", "lake"}  # the last to be well: of the batch half, NiFi, and the live half


def test_addresses_know_the_half_of_their_service(stack):
    profiles = {name: service.get("profiles", [""]) for name, service in stack.services.items()}
    half_of = {address.name: profiles[address.service] for address in ADDRESSES}
    half_of["AWS endpoint"] = profiles["aws"]  # behind Nginx, which both halves have
    assert {address.name: [address.half] for address in ADDRESSES} == half_of


def test_published_ports_are_those_of_the_environment_each_once(stack):
    published = [int(port["published"]) for service in stack.services.values() for port in service.get("ports", ())]
    assert sorted(published) == sorted(stack.environment.ports.values())


def test_dependencies_name_a_condition_that_means_something(stack):
    for name, service in stack.services.items():
        for other, wanted in service.get("depends_on", {}).items():
            # The cluster's servers wait for each other themselves, so that they start side by side.
            beside = {"service_started"} if "lakelab/hadoop" in service["image"] and other not in JOBS else set()
            expected = {"service_completed_successfully" if other in JOBS else "service_healthy"} | beside
            assert wanted["condition"] in expected, f"{name} → {other}"


def test_no_secret_and_no_port_is_written_in_the_files():
    for path in AREAS:
        text = path.read_text(encoding="utf-8")
        for name in (*SECRETS, *PORTS, *SETTINGS):
            for match in re.finditer(rf"^\s*(?:- )?{name}[:=]\s*(.+)$", text, re.MULTILINE):
                assert "${" in match[1], f"{path.name}: {match[0].strip()}"
        assert ":latest" not in text


def test_variables_of_the_shell_do_not_win_over_the_file(stack, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEUSERSOWNACC")
    monkeypatch.setenv("AIRFLOW_PORT", "1")
    again = Compose(stack.environment)
    assert "AKIAOFTHEUSERSOWNACC" not in str(again.description)
    assert again.description == stack.description


# What the commands say, with a `docker` that answers as told.

FAKE = """#!/bin/sh
while IFS='|' read -r pattern code out err; do
  case "$*" in *"$pattern"*)
    [ -z "$out" ] || printf '%b\\n' "$out"
    [ -z "$err" ] || echo "$err" >&2
    exit "$code" ;;
  esac
done <"$ANSWERS"
"""
ALIVE = ["version --format|0|20.10.24|", "compose version|0|2.26.1|"]
CONFIG = (
    'config --format json|0|{"services": {"postgres": {"image": "lakelab/postgres:1.0.0"}, '
    '"aws": {"image": "lakelab/lab:1.0.0", "depends_on": {"postgres": {"condition": "service_healthy"}}}}}|'
)


class Terminal:
    """Runs `lab` in an environment of its own, without a process for each command."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture
        (folder / "bin").mkdir()

    def docker_answers(self, *answers: str) -> None:
        """Each: a part of the command | exit code | stdout | stderr."""
        fake = self.folder / "bin" / "docker"
        fake.write_text(FAKE)
        fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
        (self.folder / "answers").write_text("\n".join(answers) + "\n")

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self._capture.readouterr()
        code = 0
        try:
            cli.main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        return subprocess.CompletedProcess(arguments, code, *self._capture.readouterr())


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("ANSWERS", str(tmp_path / "answers"))
    monkeypatch.setenv("LAB_STACK_ENV", str(tmp_path / ".env.local"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = signal.getsignal(signal.SIGTERM)
    yield Terminal(tmp_path, capfd)
    signal.signal(signal.SIGTERM, before)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error."""
    assert done.returncode == 1
    assert done.stderr.startswith("lab: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_without_docker_it_points_to_the_engine_and_the_demo(terminal):
    line = said(terminal.lab("stack", "up"))
    assert "there is no Docker here" in line
    assert "`make engine`" in line
    assert "`make demo`" in line


def test_without_an_engine_too(terminal):
    terminal.docker_answers("version --format|1||Cannot connect to the Docker daemon at unix:///x. Is it running?")
    line = said(terminal.lab("stack", "up"))
    assert "no Docker engine answers" in line
    assert "`make engine`" in line
    assert "`make demo`" in line


@pytest.mark.parametrize(("version", "code"), [("|1", ""), ("|0|2.17.2", "2.17.2")])
def test_compose_missing_or_too_old_points_to_the_engine(terminal, version, code):
    terminal.docker_answers(ALIVE[0], f"compose version{version}|{'|' if version == '|1' else ''}")
    line = said(terminal.lab("stack", "up"))
    assert code in line
    assert "`make engine`" in line


def test_missing_images_are_named_and_point_to_the_build(terminal):
    terminal.docker_answers(*ALIVE, CONFIG, "image inspect --format {{.Id}} lakelab/postgres|0|sha256:1|", "image|1||")
    line = said(terminal.lab("stack", "up"))
    assert "1 images are not built yet (lakelab/lab:1.0.0)" in line
    assert "`make build`" in line


def test_a_service_that_fails_is_shown_with_the_last_lines_of_its_log(terminal):
    container = '{"ID": "1", "Name": "p-aws-1", "Service": "aws", "State": "exited", "Health": "", "ExitCode": 3}'
    terminal.docker_answers(
        *ALIVE, CONFIG, "image inspect|0|sha256:1|", " up |1||", f"ps --all|0|{container}|",
        "logs --no-color --no-log-prefix --tail 20 aws|0|line one\\nno room left|",
        "logs --no-color --no-log-prefix --tail 20 postgres|0|too many clients|",
    )  # fmt: skip
    done = terminal.lab("stack", "up")
    assert "the stack did not start: aws ended with 3" in said(done)
    shown = [line for line in done.stdout.splitlines() if line]
    assert shown[-5:-2] == ["aws, last lines of its log:", "line one", "no room left"]
    assert shown[-2:] == ["postgres, last lines of its log:", "too many clients"]  # what it needs


def test_a_stack_that_never_was_points_to_up(terminal):
    terminal.docker_answers(*ALIVE)
    for command in ("down", "status", "urls", "logs"):
        assert "run `make up`" in said(terminal.lab("stack", command))


def test_reset_and_status_of_a_machine_without_docker_are_silent_beside_the_embedded_lab(terminal):
    for command in (("reset", "--yes", "--if-any"), ("status", "--if-any")):
        done = terminal.lab("stack", *command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_urls_need_no_engine(terminal):
    made = ensure_environment(terminal.folder / ".env.local")
    out = terminal.lab("stack", "urls").stdout
    assert f"http://127.0.0.1:{made['AIRFLOW_PORT']}/   user admin   password {made['AIRFLOW_ADMIN_PASSWORD']}" in out
    assert made["POSTGRES_PASSWORD"] not in out


@pytest.fixture
def listener() -> Iterator[int]:
    """A port of this machine that another program has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def engine(monkeypatch: pytest.MonkeyPatch, **answers: str) -> list[tuple[str, ...]]:
    """An engine that has every image, and of `docker ps` these answers; returns what is asked of it."""
    asked: list[tuple[str, ...]] = []

    def docker(*arguments: str, **_: object) -> str:
        asked.append(arguments)
        return answers.get(arguments[0], "")

    monkeypatch.setattr(compose, "require_engine", lambda: None)
    monkeypatch.setattr(compose, "docker", docker)
    monkeypatch.setattr(Compose, "missing_images", lambda _: [])
    return asked


@pytest.fixture
def clone(stack, tmp_path, monkeypatch, listener) -> Path:
    """A clone whose stack is down, and whose port for AWS another program took meanwhile."""
    path = tmp_path / ".env.local"
    path.write_text(re.sub(r"AWS_PORT=\d+", f"AWS_PORT={listener}", stack.environment.path.read_text()))
    monkeypatch.setenv("LAB_STACK_ENV", str(path))
    monkeypatch.setattr(Compose, "containers", lambda _: [])
    return path


def test_a_port_that_was_taken_meanwhile_is_told_before_anything_is_started(clone, monkeypatch, capsys, listener):
    monkeypatch.setattr(Compose, "run", lambda *_: pytest.fail("the stack was started"))
    asked = engine(monkeypatch, ps="lakelab-other-nginx-1")
    with pytest.raises(SystemExit):
        cli.main(["stack", "up", "--only", "batch"])
    said = capsys.readouterr().err
    assert f"AWS_PORT {listener} by lakelab-other-nginx-1" in said
    assert "`lab stack env --new-ports` chooses others" in said
    assert said.count("\n") == 1
    assert ("ps", "--filter", f"publish={listener}", "--format", "{{.Names}}") in asked
    engine(monkeypatch)
    with pytest.raises(SystemExit):
        cli.main(["stack", "up", "--only", "batch"])
    assert f"AWS_PORT {listener} by a program that is no container" in capsys.readouterr().err


def test_other_ports_are_chosen_for_those_that_are_taken(clone, monkeypatch, capsys, listener):
    engine(monkeypatch)
    before = read_environment(clone).ports
    cli.main(["stack", "env", "--new-ports"])
    after = read_environment(clone).ports
    assert after["AWS_PORT"] not in {listener, *before.values()}
    assert f"AWS_PORT is {after['AWS_PORT']} now" in capsys.readouterr().out


def test_a_port_of_a_service_that_runs_is_no_other_programs(stack, listener):
    values = {**stack.environment.values, "AWS_PORT": str(listener)}
    path = stack.environment.path.with_name("running.env")
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    own = Compose(read_environment(path), ("batch",))
    holder = next(
        name for name, s in own.services.items() if str(listener) in {p["published"] for p in s.get("ports", ())}
    )
    runs = Container("1", "x", holder, "running", "healthy", 0)
    assert taken_ports(own, [runs]).get("AWS_PORT") is None
    assert taken_ports(own, [])["AWS_PORT"] == listener
    assert "KAFKA_1_PORT" not in taken_ports(own, [])  # of the half that is not asked for
