"""The health check of every container: compose/healthy.sh, asked as the engine asks."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from polling import poll_until

from lakelab.settings import REPOSITORY

SCRIPT = REPOSITORY / "compose" / "healthy.sh"


class Page(BaseHTTPRequestHandler):
    server: HTTPServer

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health?of=all" else 404)
        self.end_headers()
        self.wfile.write(b'{"state" : "started"}' if self.headers["Host"] else b"no Host")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def page():
    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


class Service:
    """Well while there is a file `well`; notes each look. patience, lasts: seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.patience, self.lasts = folder, 0, 60
        self.check = folder / "check"
        self.check.write_text(
            f"#!/bin/sh\necho looked >>{folder}/looks\n[ -e {folder}/well ] || {{ echo ill; exit 1; }}\n"
        )
        self.check.chmod(0o755)

    @property
    def looks(self) -> int:
        looks = self.folder / "looks"
        return len(looks.read_text().splitlines()) if looks.exists() else 0

    def becomes_well(self) -> None:
        (self.folder / "well").touch()

    def becomes_ill(self) -> None:
        (self.folder / "well").unlink()

    def question(self) -> subprocess.Popen[str]:
        own = {"TMPDIR": str(self.folder), "PATIENCE": str(self.patience), "EVERY": "0.05", "LASTS": str(self.lasts)}
        return subprocess.Popen([SCRIPT, self.check], env={**os.environ, **own}, stdout=subprocess.PIPE, text=True)

    def ask(self) -> tuple[int, str]:
        asked = self.question()
        said, _ = asked.communicate(timeout=60)
        return asked.returncode, said.strip()


@pytest.fixture
def service(tmp_path) -> Service:
    return Service(tmp_path)


def test_what_is_well_says_so_at_the_first_look(service):
    service.becomes_well()
    assert service.ask() == (0, "")
    assert service.looks == 1


def test_what_is_not_well_says_why(service):
    assert service.ask() == (1, "ill")
    assert service.looks == 1


def test_who_comes_up_is_waited_for(service):
    service.patience = 60
    asked = service.question()
    poll_until(lambda: service.looks > 1, "a second look", 60)
    assert asked.poll() is None
    service.becomes_well()
    assert asked.wait(60) == 0


def test_of_who_has_been_well_a_question_lasts_and_ends_when_it_is_not(service):
    service.becomes_well()
    service.ask()
    asked = service.question()
    poll_until(lambda: service.looks > 4, "some looks", 60)
    assert asked.poll() is None
    service.becomes_ill()
    assert asked.communicate(timeout=60)[0] == "ill\n"
    assert asked.returncode == 1
    assert service.ask() == (1, "ill")  # does not last again before it has been well
    service.becomes_well()
    assert service.ask() == (0, "")


def test_a_question_ends_by_itself(service):
    service.becomes_well()
    service.lasts = 1
    service.ask()
    assert service.ask() == (0, "")  # that it lasts at all, the test above has seen: how many looks fit is chance


def test_that_it_was_well_before_a_restart_is_nothing(service):
    service.becomes_well()
    service.ask()
    (since,) = service.folder.glob("well-since-*")
    since.rename(service.folder / "well-since-1")
    assert service.ask() == (0, "")  # at once, as of who was never well
    assert service.looks == 2
    assert list(service.folder.glob("well-since-*")) == [since]


def once(*check: object) -> tuple[int, str]:
    done = subprocess.run([SCRIPT, "--once", *map(str, check)], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def test_a_page_is_well_with_200_and_the_text(page):
    assert once("page", page, "/health?of=all") == (0, "")
    assert once("page", page, "/health?of=all", '"state" : "started"') == (0, "")
    code, said = once("page", page, "/health?of=all", "ended")
    assert code == 1
    assert said.startswith(f"/health?of=all on port {page}: HTTP/1.0 200 OK")
    assert once("page", page, "/")[0] == 1
    assert once("page", 1, "/")[0] == 1


def test_a_port_is_well_where_somebody_listens(page):
    assert once("port", page)[0] == 0
    assert once("port", 1)[0] == 1


def test_a_file_is_well_while_it_is_fresh_and_begins_with_the_word(tmp_path):
    state = tmp_path / "state"
    assert once("fresh", state, 30)[0] == 1
    state.touch()
    assert once("fresh", state, 30) == (0, "")
    assert once("fresh", state, 30, "well")[0] == 1
    for words, well in (("well", True), ("well since then\nmore", True), ("wellness", False), ("ill", False)):
        state.write_text(words)
        assert (once("fresh", state, 30, "well")[0] == 0) == well, words
    assert once("fresh", state, 30)[0] == 0
    old = time.time() - 31
    os.utime(state, (old, old))
    assert once("fresh", state, 30) == (1, f"{state}, 31 s ago: ill\n")
