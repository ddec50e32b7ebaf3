"""`lab aws`: which endpoint it asks, with which keys, and what it says where there is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lab.aws_cli import Target, choose, service_of
from lab.embedded.place import Place
from lab.emr_serve import keys
from lab.stack.environment import Environment, ensure_environment
from lakelab.errors import LabError
from lakelab.settings import load_settings


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An embedded lab, in a clone without a stack."""
    monkeypatch.setenv("LAB_STACK_ENV", str(tmp_path / ".env.local"))
    found = Place(load_settings({"LAB_HOME": str(tmp_path / "lab")}))
    found.prepare()
    return found


@pytest.fixture
def stack(place: Place, tmp_path: Path) -> Iterator[Environment]:
    """A stack of which the port of its AWS endpoint is there."""
    environment = ensure_environment(tmp_path / ".env.local")
    with socket.create_server(("127.0.0.1", environment.port("AWS_PORT"))):
        yield environment


@pytest.fixture
def served(place: Place) -> Iterator[str]:
    """The address of something that is well, where `lab emr serve` says that it is."""

    class Well(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Well) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        (place.home / "aws.url").write_text(f"{address}\n")
        yield address
        server.shutdown()
        thread.join()


def refusal(service: str, place: Place, *, on_stack: bool = False) -> str:
    with pytest.raises(LabError) as caught:
        choose(service, place, on_stack=on_stack)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "service"),
    [
        ("emr list-clusters", "emr"),
        ("--output text emr list-clusters", "emr"),
        ("--debug --region=eu-west-1 s3 ls", "s3"),
        ("--no-paginate --query Clusters[].Id emr list-clusters", "emr"),
        ("--version", ""),
    ],
)
def test_the_service_is_found_behind_global_options(line: str, service: str) -> None:
    assert service_of(line.split()) == service


def test_without_an_endpoint_it_says_what_to_start(place: Place) -> None:
    assert refusal("emr", place) == ("no AWS endpoint runs: run `make up`, or `make serve` for an EMR without a stack")


def test_a_killed_server_s_address_counts_for_nothing(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (place.home / "aws.url").write_text(f"http://127.0.0.1:{port}\n")
    assert refusal("emr", place).startswith("no AWS endpoint runs")


def test_a_stack_that_is_down_is_not_asked(place: Place, tmp_path: Path) -> None:
    ensure_environment(tmp_path / ".env.local")
    assert refusal("s3", place).startswith("no AWS endpoint runs")
    assert refusal("emr", place, on_stack=True) == f"the stack does not run ({tmp_path / '.env.local'}): run `make up`"


def test_a_running_stack_is_asked_with_its_keys(place: Place, stack: Environment) -> None:
    assert choose("emr", place, on_stack=False) == Target(
        f"http://127.0.0.1:{stack['AWS_PORT']}",
        "eu-west-1", stack["AWS_ACCESS_KEY_ID"], stack["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def test_what_is_served_here_comes_before_the_stack_for_emr_alone(
    place: Place, served: str, stack: Environment
) -> None:
    on_the_stack = f"http://127.0.0.1:{stack['AWS_PORT']}"
    access_key, secret_key = keys(place)
    assert choose("emr", place, on_stack=False) == Target(served, "eu-west-1", access_key, secret_key)
    assert choose("s3", place, on_stack=False).address == on_the_stack
    assert choose("emr", place, on_stack=True).address == on_the_stack


def test_what_is_served_here_has_no_other_service(place: Place, served: str) -> None:
    assert refusal("s3", place) == f"`lab emr serve` has no s3 ({served}): run `make up`"


def test_a_profile_of_the_user_s_own_account_does_not_win() -> None:
    mine = {"PATH": "/bin", "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "of-work"}
    assert Target("http://127.0.0.1:1", "eu-west-1", "AKIA", "of-the-lab").environment(mine) == {
        "PATH": "/bin", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "of-the-lab",
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
