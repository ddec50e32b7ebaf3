"""The first process of Airflow's container, with stand-ins for Airflow itself, and its health check."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from polling import poll_until

from lakelab.settings import REPOSITORY

SOURCE = REPOSITORY / "services" / "airflow"

# Each component writes its process number; one that is told to, ends; one has a child, as the scheduler has tasks.
AIRFLOW = """#!/bin/sh
echo $$ >"$AIRFLOW_HOME/$1.pid"
if [ "$1" = scheduler ]; then sleep 600 & echo $! >"$AIRFLOW_HOME/task.pid"; fi
while [ ! -e "$AIRFLOW_HOME/end-$1" ]; do sleep 0.05; done
exit 3
"""
NAMES = ("api-server", "scheduler", "dag-processor", "task")


class Container:
    """entry.py in a folder of its own, and what it left there."""

    def __init__(self, folder: Path, records: str = "") -> None:
        self.home = folder / "home"
        self.home.mkdir()
        shutil.copy(SOURCE / "entry.py", folder)
        (folder / "records.py").write_text(records)
        airflow = folder / "airflow"
        airflow.write_text(AIRFLOW)
        airflow.chmod(airflow.stat().st_mode | stat.S_IXUSR)
        self.passwords = self.home / "passwords.json"
        self.variables = folder / "variables.json"
        self.process = subprocess.Popen(
            [sys.executable, folder / "entry.py"],
            env={
                "PATH": f"{folder}:{os.environ['PATH']}",
                "AIRFLOW_HOME": str(self.home),
                "LAB_VARIABLES": str(self.variables),
                "AIRFLOW_ADMIN_PASSWORD": "of the test",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords),
            },
            stderr=subprocess.PIPE,
            text=True,
        )

    def pids(self) -> list[int]:
        found = [self.home / f"{name}.pid" for name in NAMES]
        return [int(path.read_text()) for path in found if path.exists() and path.read_text().strip()]

    def started(self) -> list[int]:
        return poll_until(lambda: self.pids() if len(self.pids()) == len(NAMES) else [], "all components")

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@pytest.fixture
def container(tmp_path):
    made: list[Container] = []

    def make(records: str = "") -> Container:
        made.append(Container(tmp_path, records))
        return made[-1]

    yield make
    for each in made:
        each.process.kill()
        each.process.wait()
        for pid in each.pids():
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


def alive(pids: list[int]) -> list[int]:
    return [p for p in pids if psutil.pid_exists(p) and psutil.Process(p).status() != psutil.STATUS_ZOMBIE]


def test_when_a_component_dies_the_container_ends_and_leaves_nothing(container):
    found = container()
    pids = found.started()
    (found.home / "end-scheduler").touch()
    assert found.end() == (1, "airflow: scheduler ended with 3; the container starts anew\n")
    poll_until(lambda: not alive(pids), "the other components and the task to end")


def test_when_it_is_stopped_it_ends_everything_and_with_success(container):
    found = container()
    pids = found.started()
    found.process.send_signal(signal.SIGTERM)
    assert found.end() == (0, "")
    poll_until(lambda: not alive(pids), "the components to end")


def test_without_its_database_nothing_is_started(container):
    found = container("import sys; sys.exit('the database does not answer')")
    assert found.end() == (1, "the database does not answer\n")
    assert found.pids() == []


RECORDS = """
import os, pathlib
home, variables = pathlib.Path(os.environ["AIRFLOW_HOME"]), pathlib.Path(os.environ["LAB_VARIABLES"])
text = variables.read_text() if variables.exists() else "none"
with (home / "brought").open("a") as file:
    print(text, file=file)
raise SystemExit(text == "bad" and "the database does not answer" or 0)
"""


def test_variables_that_come_later_or_change_are_brought(container):
    found = container(RECORDS)
    pids = found.started()
    brought = found.home / "brought"
    assert brought.read_text() == "none\n"
    assert not (found.home / "given").exists()
    for number, text in enumerate(("first", "second"), 2):
        new = found.variables.with_suffix(".new")
        new.write_text(text)
        new.replace(found.variables)
        poll_until(
            lambda text=text: (found.home / "given").exists() and (found.home / "given").read_text() == text, text
        )
        assert len(brought.read_text().splitlines()) == number
    assert alive(pids) == pids


def test_variables_that_cannot_be_brought_end_the_container(container):
    found = container(RECORDS)
    pids = found.started()
    found.variables.write_text("bad")
    code, said = found.end()
    assert (code, said.splitlines()[-1]) == (1, "airflow: records.py ended with 1; the container starts anew")
    poll_until(lambda: not alive(pids), "the components to end")


def test_the_password_of_the_user_is_for_airflow_alone(container):
    found = container()
    found.started()
    assert json.loads(found.passwords.read_text()) == {"admin": "of the test"}
    assert found.passwords.stat().st_mode & 0o777 == 0o600


class Api(BaseHTTPRequestHandler):
    """Answers of Airflow's API, as `server.answers` has them by path."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.answers.get(self.path, (404, {}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def api():
    server = HTTPServer(("127.0.0.1", 0), Api)
    server.answers, server.asked = {}, []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def healthy(api, tmp_path, monkeypatch) -> ModuleType:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_ADMIN_PASSWORD", "x")
    spec = importlib.util.spec_from_file_location("airflow_healthy", SOURCE / "healthy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.API = f"http://127.0.0.1:{api.server_port}"
    module.STARTED.touch()
    module.GIVEN.touch()
    return module


def signs(seconds: float) -> dict:
    """Health as Airflow tells it, each component's last sign so many seconds from now."""
    sign = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    return {
        name: {"status": "healthy", f"latest_{name}_heartbeat": sign} for name in ("scheduler", "dag_processor")
    }  # fmt: skip


def test_it_is_well_when_all_gave_a_sign_and_the_dag_is_there(healthy, api):
    api.answers = {
        "/api/v2/monitor/health": (200, signs(1)),
        "/auth/token": (201, {"access_token": "t"}),
        "/api/v2/dags/unload_erp": (200, {}),
    }
    assert healthy.main() == ""
    assert healthy.main() == ""
    assert api.asked.count("/auth/token") == 1


def test_a_sign_from_before_the_start_does_not_count(healthy, api):
    api.answers = {"/api/v2/monitor/health": (200, signs(-10))}
    assert healthy.main().startswith("scheduler: last sign of life 20")


def test_without_a_cluster_it_is_not_well(healthy, api):
    api.answers = {"/api/v2/monitor/health": (200, signs(1))}
    healthy.GIVEN.unlink()
    assert "no cluster stands" in healthy.main()


def test_a_dag_that_is_not_there_yet_is_not_well(healthy, api):
    api.answers = {
        "/api/v2/monitor/health": (200, signs(1)),
        "/auth/token": (201, {"access_token": "t"}),
    }
    with pytest.raises(OSError, match="404"):
        healthy.main()
    assert not healthy.READY.exists()
