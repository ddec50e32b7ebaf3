"""The market: prices that depend on seed number, symbol and moment alone, and a source that tries until it is heard."""

from __future__ import annotations

import itertools
import json
import math
import statistics
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lakelab.errors import LabError
from services.api import events
from services.market import source, walk

DAY = 86_400_000


def test_the_same_moment_has_the_same_trade_whoever_asks_and_when():
    once = list(walk.ticks(5, 100, DAY, DAY + 2000))
    assert len(once) == 200
    assert list(walk.ticks(5, 100, DAY + 1000, DAY + 2000)) == once[100:]
    assert {tick.symbol for tick in once} == set(walk.SYMBOLS)
    assert len({tick.event_id for tick in once}) == 200
    assert list(walk.ticks(6, 100, DAY, DAY + 2000)) != once


def test_the_intake_takes_every_trade():
    from dataclasses import asdict

    for tick in walk.ticks(5, 50, 0, 5000):
        ready = events.read("stock-quotes", json.dumps(asdict(tick)).encode())
        assert ready.key == tick.symbol.encode()
        assert json.loads(ready.value) == asdict(tick)


def test_the_path_is_a_brownian_one():
    """Returns of days have the volatility that was set, and neighbours have nothing to do with each other."""
    days = 1000
    prices = [math.log(walk.price(5, "SPRK", day * DAY)) for day in range(days + 1)]
    returns = [later - earlier for earlier, later in itertools.pairwise(prices)]
    yearly = statistics.stdev(returns) * math.sqrt(365.25)
    assert walk.VOLATILITY * 0.93 < yearly < walk.VOLATILITY * 1.07  # three standard errors of 1000 returns
    assert abs(statistics.correlation(returns[:-1], returns[1:])) < 0.1
    near = abs(math.log(walk.price(5, "SPRK", DAY + 1000) / walk.price(5, "SPRK", DAY)))
    assert near < 0.001


def test_a_moment_before_the_beginning_is_a_bug():
    with pytest.raises(ValueError, match="not within"):
        walk.price(5, "SUPI", -1)


@pytest.mark.parametrize(
    "change", [{"API_URL": ""}, {"API_EVENTS_TOKEN": ""}, {"MARKET_RATE": "fast"}, {"MARKET_RATE": "-1"}]
)
def test_settings_name_what_is_wrong(change):
    with pytest.raises(LabError, match=next(iter(change))):
        source.load_settings({"API_URL": "http://nginx:8000/api", "API_EVENTS_TOKEN": "t", **change})


class Intake(BaseHTTPRequestHandler):
    """Refuses the first request, breaks off the second, and takes the others."""

    requests: list[list[str]]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append([json.loads(line)["event_id"] for line in body.splitlines()])
        assert self.path == "/api/events/stock-quotes"
        assert self.headers["Authorization"] == "Bearer t"
        if len(self.requests) == 2:
            self.close_connection = True
            return
        status = 503 if len(self.requests) == 1 else 200
        self.send_response(status)
        self.send_header("Retry-After", "0.1")
        self.send_header("Content-Length", "27")
        self.end_headers()
        self.wfile.write(b'{"detail": "Kafka is away"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def intake() -> Iterator[str]:
    Intake.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Intake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()
    server.server_close()


def test_every_quote_is_sent_until_it_is_taken_and_none_after_that(intake, tmp_path, monkeypatch, caplog):
    from polling import poll_until

    monkeypatch.setattr(source, "SIGN", tmp_path / "sign")
    monkeypatch.setattr(source, "PAUSE", 0.05)
    stop = threading.Event()
    thread = threading.Thread(target=source.run, args=(source.Settings(intake, "t", 5, 200), stop))
    thread.start()
    poll_until(lambda: len(Intake.requests) > 6, "seven requests")
    stop.set()
    thread.join(10)
    refused, broken, *taken = Intake.requests
    assert taken[0][: len(broken)] == broken
    assert broken[: len(refused)] == refused
    sent = [name for request in taken for name in request]
    assert len(set(sent)) == len(sent)
    moments = [int(name.rpartition("-")[2]) for name in sent]
    assert {later - earlier for earlier, later in itertools.pairwise(moments)} == {5}
    assert (tmp_path / "sign").exists()
    assert "the API answers 503: Kafka is away" in caplog.text
