"""The arithmetic of the benchmarks of real time, and their client of HTTP."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from bench import page
from bench.live import lasting, sustained
from bench.live.__main__ import PARTS, main
from bench.live.arrivals import Arrival
from bench.live.calm import up_to_date
from bench.live.figures import p50_p99, paired_ratio, percentile, slope
from bench.live.http_load import load, post
from bench.live.intake import NOTHING, PLAIN, Measured, Way, _rows
from bench.live.latency import DEFAULT, _growing
from bench.live.peer import default_config
from bench.measure import Section
from lab.live.cluster import Group, Lag


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 5.0), (90, 9.0), (91, 10.0), (99, 10.0), (100, 10.0), (1, 1.0), (10, 1.0)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([7.0, 3.0, 1.0, 10.0, 5.0, 2.0, 9.0, 4.0, 8.0, 6.0], percent) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="of 0 values"):
        percentile([], 50)


def test_percentiles_are_told_in_milliseconds() -> None:
    assert p50_p99([0.0123, 0.0045, 1.5]) == ("12.3", "1,500")


def test_the_slope_is_that_of_the_nearest_line() -> None:
    assert slope([(0, 10), (1, 12), (2, 14)]) == pytest.approx(2)
    assert slope([(0, 1), (1, 0), (2, 2)]) == pytest.approx(0.5)  # by hand: sum(dx dy) = 1, sum(dx dx) = 2
    assert slope([(3, 7)]) == 0


def test_a_ratio_is_of_what_both_have() -> None:
    # 4 has no partner; the others are 2, 10 and 3 times as much.
    assert paired_ratio({1: 4.0, 2: 10.0, 3: 9.0, 4: 1.0}, {1: 2.0, 2: 1.0, 3: 3.0}) == 3.0
    with pytest.raises(ValueError, match="nothing in common"):
        paired_ratio({1: 1.0}, {2: 1.0})


@pytest.mark.parametrize(
    ("value", "row"),
    [
        (b'{"before": null, "after": {"id": 7}, "op": "c"}', {"id": 7}),
        (b'{"schema": {"type": "struct"}, "payload": {"after": {"id": 7}}}', {"id": 7}),
        (b'{"payload": {"before": {"id": 7}, "after": null}}', None),
        (None, None),
    ],
)
def test_a_row_is_read_with_its_schema_beside_it_and_without(value: bytes | None, row: dict[str, int] | None) -> None:
    assert Arrival("t", 0, 1, value, 0.0).after == row


def test_the_peer_has_no_setting_that_is_not_needed() -> None:
    found = default_config()
    assert found["topic.prefix"] == "bench"
    assert found["slot.name"] == "bench_default"
    assert found["plugin.name"] == "pgoutput"
    assert not [name for name in found if "interval" in name or "batch" in name or "queue" in name or "exactly" in name]


def test_each_step_has_the_settings_of_those_before() -> None:
    (name, none), *others = _growing()
    assert (name, none) == (DEFAULT, {})
    assert [len(settings) for _, settings in others] == [1, 2, 4]
    assert all(settings["poll.interval.ms"] == "5" for _, settings in others)


def test_rates_are_told_with_the_ratio_of_the_rounds_together() -> None:
    alone = [{sustained.ERP: 1.0, sustained.KAFKA: 2.0, sustained.DEFAULT: 4.0, **_further(5, 10)}]
    beside = [
        {sustained.ERP: 1.0, sustained.KAFKA: 2.0, sustained.DEFAULT: 6.0, **_further(5, 10)},
        {sustained.ERP: 1.0, sustained.KAFKA: 4.0, sustained.DEFAULT: 4.0, **_further(5, 10)},
    ]
    rows = {row[0]: row[1:] for row in sustained._rows(alone, beside, 1000)}
    assert rows["Kafka"] == ("500", "375 (250 to 500)", "2.00 x")
    assert rows["Kafka, by Debezium with default settings"] == ("250", "208 (167 to 250)", "1")
    assert rows["the warehouse"] == ("100", "100", "")


def _further(lake: float, warehouse: float) -> dict[str, float]:
    return {sustained.LAKE: lake, sustained.WAREHOUSE: warehouse}


def test_intake_is_told_against_what_does_nothing_for_as_many_clients() -> None:
    trusted = ssl.create_default_context()
    ways = [Way(what, 0, trusted, bytes, clients) for clients in (32, 128) for what in (NOTHING, PLAIN)]

    def measured(nothing: float, event: float) -> dict[str, Measured]:
        few, few_events, many, many_events = (way.name for way in ways)
        return {
            few: Measured([nothing, 2 * nothing], [0.001, 0.002]),
            few_events: Measured([event, event], [0.25] * 200),
            many: Measured([nothing], [0.002]),
            many_events: Measured([event], [0.5]),
        }

    assert _rows(ways, {1: measured(100, 80), 2: measured(200, 100)}) == (
        ("a route that does nothing; 32 clients", "150", "2.0", "1", "300", "2.0", "1"),
        ("an event; 32 clients", "80", "250", "0.60 x", "100", "250", "0.38 x"),
        ("a route that does nothing; 128 clients", "100", "2.0", "1", "200", "2.0", "1"),
        ("an event; 128 clients", "80", "500", "0.80 x", "100", "500", "0.50 x"),
    )


def test_memory_is_told_by_thirds_and_as_a_line() -> None:
    looks = [(60.0 * minute, {"lake": 1e6 * (100 + 3 * minute), "api": 50e6}) for minute in range(9)]
    assert lasting.table(looks) == (
        ("api", "50", "50", "50", "+0.0"),
        ("lake", "103", "112", "121", "+3.0"),
        ("all", "153", "162", "171", "+3.0"),
    )


def test_memory_is_told_of_few_looks_and_of_who_was_there_always() -> None:
    assert lasting.table([(0.0, {"api": 5e6})]) == (("api", "5", "5", "5", "+0.0"), ("all", "5", "5", "5", "+0.0"))
    assert lasting.table([(0.0, {"api": 5e6}), (60.0, {"api": 7e6, "nifi": 1e6})]) == (
        ("api", "5", "6", "7", "+2.0"),
        ("all", "5", "6", "8", "+3.0"),
    )


def test_measuring_waits_for_both_readers_of_changes() -> None:
    def group(name: str, *behind: int) -> Group:
        return Group(name, "", 0, tuple(Lag(name, "t", part, 100 - each, 100) for part, each in enumerate(behind)))

    assert up_to_date([group("lake", 0, 1), group("connect-warehouse-sink", 1, 1), group("nifi", 99)])
    assert not up_to_date([group("lake", 0, 1), group("connect-warehouse-sink", 1, 50)])
    assert not up_to_date([group("lake", 0, 1)])


class _Page(BaseHTTPRequestHandler):
    """Answers 201, and 503 when a header says so, in two pieces."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(body)
        self.send_response(503 if self.headers["X-Away"] else 201)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"01234")
        self.wfile.flush()
        self.wfile.write(b"56789")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    bodies: list[bytes] = []
    handler = type("Page", (_Page,), {"bodies": bodies})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found.server_address[1], bodies
        found.shutdown()
        thread.join()


def test_the_client_counts_every_answer_and_its_status(server: tuple[int, list[bytes]]) -> None:
    port, bodies = server
    numbers = iter(range(1_000_000))

    def request() -> bytes:
        number = next(numbers)
        return post("/x", {"X-Away": "1"} if number % 4 == 3 else {}, f"body {number}".encode())

    answers = load("127.0.0.1", port, request, 3, 0.2, None)
    assert len(answers.seconds) == len(bodies) == sum(answers.statuses.values()) >= 3
    assert sorted(bodies) == sorted(f"body {number}".encode() for number in range(len(bodies)))
    assert answers.statuses[503] == len(bodies) // 4
    assert answers.rate == pytest.approx(len(bodies) / answers.lasted)


def test_the_client_says_when_nobody_is_there() -> None:
    with pytest.raises(ConnectionRefusedError):
        load("127.0.0.1", 1, lambda: b"", 1, 0.1, None)


def test_parts_of_real_time_are_kept_with_what_runs() -> None:
    assert len(page.LIVE) == len(PARTS)
    text = page.as_markdown(Section("Commit to Hive", "About.", ("a",), (("b",),)), ("Kafka 4.3.1",))
    assert "Kafka 4.3.1" in text
    assert "faker" not in text


def test_without_a_stack_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("LAB_STACK_ENV", f"{tmp_path}/none")
    result = CliRunner().invoke(main, ["--no-keep"])
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert "make up" in result.output
