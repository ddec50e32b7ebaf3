"""The start page: every address with login and health, by a server that really answers."""

from __future__ import annotations

import asyncio
import html
import json
import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import uvicorn
from polling import poll_until

from lab.stack import home
from lab.stack.addresses import ADDRESSES, filled
from lab.stack.environment import ensure_environment


class Service(BaseHTTPRequestHandler):
    """Well at /well, of two minds at /half, broken elsewhere."""

    def do_GET(self) -> None:
        self.send_response({"/well": 200, "/half": 200}.get(self.path, 503))
        self.end_headers()
        self.wfile.write(b'{"scheduler": {"status": "unhealthy"}}' if self.path == "/half" else b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def look(probe: str) -> home.Health:
    return asyncio.run(home.probe(replace(ADDRESSES[1], probe=probe)))


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_health_is_what_the_service_itself_says(service):
    assert look(f"http://{service}/well") == home.Health(True, "well")
    assert look(service) == home.Health(True, "well")
    assert look(f"http://{service}/half") == home.Health(False, "says that a part is not well")
    assert look(f"http://{service}/other") == home.Health(False, "answers 503")
    assert look(f"http://127.0.0.1:{closed_port()}/") == home.Health(False, "does not answer")
    assert look(f"127.0.0.1:{closed_port()}") == home.Health(False, "does not answer")


def test_a_service_that_accepts_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(home, "PROBE_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = look(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert not found.well
    assert found.seen in ("no answer in 0 s", "does not answer")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a start page whose services are all away, and the values that it was given."""
    os.environ["KAFKA_BOOTSTRAP"] = "127.0.0.1:1"
    values = dict(ensure_environment(tmp_path_factory.mktemp("home") / ".env.local").values)
    server = uvicorn.Server(uvicorn.Config(home.make_app(values), port=closed_port(), log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    poll_until(lambda: server.started, "the start page")
    yield f"http://127.0.0.1:{server.config.port}", values
    del os.environ["KAFKA_BOOTSTRAP"]
    server.should_exit = True
    thread.join(10)


def fetch(url: str) -> tuple[str, dict[str, str]]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode(), dict(answer.headers)


class Links(HTMLParser):
    """Addresses that a page leads to, and those that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: set[str] = set()
        self.loads: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src"):
                (self.leads if tag == "a" else self.loads).add(value or "")


def test_the_page_has_every_address_with_its_login(page):
    url, values = page
    text, _ = fetch(url)
    links = Links(text)
    for address in filled(values):
        if address.service == "home":
            continue
        assert address.url in links.leads if address.page else f"<code>{address.url}</code>" in text, address.name
        assert not address.password or f"<code>{address.password}</code>" in text, address.name
        assert address.purpose in html.unescape(text)


def test_the_page_loads_nothing_from_elsewhere(page):
    url, _ = page
    text, headers = fetch(url)
    assert {load for load in Links(text).loads if not load.startswith("data:")} == {"/page.css", "/page.js"}
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    for asset in ("/page.css", "/page.js"):
        content, headers = fetch(url + asset)
        assert "://" not in content
        assert headers["content-type"].split(";")[0] in ("text/css", "text/javascript", "application/javascript")


def test_health_of_each_service_is_json_and_the_page_itself_is_well_without_them(page):
    url, _ = page
    found = json.loads(fetch(f"{url}/health.json")[0])
    assert set(found) == {address.name for address in ADDRESSES} - {"Start page"}
    assert not any(health["well"] for health in found.values())
    assert fetch(f"{url}/health")[0] == "well\n"


def test_the_page_of_kafka_loads_nothing_from_elsewhere_and_says_that_no_broker_answers(page):
    url, _ = page
    text, headers = fetch(f"{url}/kafka/")
    loads = {load for load in Links(text).loads if not load.startswith("data:")}
    assert loads == {"/page.css", "/kafka/kafka.css", "/kafka/kafka.js"}
    assert "default-src 'none'" in headers["content-security-policy"]
    for load in loads:
        assert "://" not in fetch(url + load)[0]
    assert "no broker of Kafka answers" in json.loads(fetch(f"{url}/kafka/overview.json")[0])["error"]


def test_without_the_live_half_there_is_no_page_of_kafka(page):
    _, values = page
    paths = {route.path for route in home.make_app(values, ["batch"]).routes}
    assert "/" in paths
    assert not any(path.startswith("/kafka") for path in paths)


def test_the_container_is_given_what_the_page_needs():
    assert set(home.needed_keys()) >= {"AIRFLOW_PORT", "AIRFLOW_ADMIN_PASSWORD", "ERP_PORT", "AWS_PORT"}
    assert "POSTGRES_PASSWORD" not in home.needed_keys()
    assert "MINIO_ROOT_PASSWORD" not in home.needed_keys()
