"""The API through the entrance: what is acknowledged is on Kafka once, whatever is killed; who may do what; caching."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from kafka import TopicPartition
from live import Live
from polling import poll_until

from lab.live import kafka
from lab.stack import compose

TOPIC = "app-events"


@pytest.fixture(scope="module")
def entrance(live: Live) -> Iterator[Callable[[str], httpx.Client]]:
    """Clients of https://localhost:…/api that trust the lab's CA and nobody else; each with the token of a role."""
    trusted = ssl.create_default_context(cadata=live.description.authority())
    opened = []

    def client(role: str) -> httpx.Client:
        values = live.stack.environment.values
        headers = {"Authorization": f"Bearer {values[f'API_{role.upper()}_TOKEN']}"} if role else {}
        base = f"https://localhost:{values['ENTRANCE_PORT']}/api"
        opened.append(httpx.Client(base_url=base, headers=headers, verify=trusted, timeout=60))
        return opened[-1]

    poll_until(lambda: client("").get("/health/ready").status_code == 200, "the API to be ready")
    yield client
    for each in opened:
        each.close()


def event(identifier: str) -> dict[str, str]:
    return {"event_id": identifier, "name": "tested", "event_time": "2026-06-01T13:00:00Z", "session": identifier[-1:]}


@dataclass
class Log:
    """A topic, from now on, as a client that reads what is committed sees it."""

    live: Live
    begin: dict[TopicPartition, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with kafka.consumer(self.live.stack.kafka) as client:
            self.begin = client.end_offsets([TopicPartition(TOPIC, p) for p in client.partitions_for_topic(TOPIC)])

    def events(self) -> dict[str, list[tuple[int, int]]]:
        """Places of each event, by its id in the value."""
        found: dict[str, list[tuple[int, int]]] = {}
        with kafka.consumer(self.live.stack.kafka) as client:
            client.assign(list(self.begin))
            for place, offset in self.begin.items():
                client.seek(place, offset)
            for record in kafka.up_to(client, client.end_offsets(list(self.begin)), silence=120):
                identifier = json.loads(record.value)["event_id"]
                assert dict(record.headers)["event_id"] == identifier.encode()
                found.setdefault(identifier, []).append((record.partition, record.offset))
        return found


@pytest.fixture
def log(live: Live) -> Log:
    return Log(live)


def stored(client: httpx.Client, identifier: str) -> tuple[int, int]:
    """Send an event until it is acknowledged, as a client does; returns its place."""
    place: tuple[int, int] | None = None

    def send() -> bool:
        nonlocal place
        try:
            answer = client.post("/events/app-events", json=event(identifier))
        except httpx.TransportError:
            return False
        if answer.status_code not in (200, 201):
            assert answer.status_code in (429, 503), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
            return False
        place = answer.json()["partition"], answer.json()["offset"]
        return True

    poll_until(send, f"{identifier} to be taken", 180)
    assert place is not None
    return place


@dataclass
class Load:
    """Clients that send events, each until it is acknowledged, with some of them sent a second time."""

    client: Callable[[str], httpx.Client]
    name: str
    events: int = 400
    senders: int = 4
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def run(self, meanwhile: Callable[[], None]) -> None:
        """Send all of them; `meanwhile` runs when a tenth of them is there."""
        begun = threading.Event()

        def one(number: int) -> None:
            identifier = f"{self.name}-{number:05d}"
            client = clients[number % self.senders]
            self.places[identifier] = stored(client, identifier)
            if number % 10 == 0:
                assert stored(client, identifier) == self.places[identifier]
            if len(self.places) >= self.events // 10:
                begun.set()

        clients = [self.client("events") for _ in range(self.senders)]
        with ThreadPoolExecutor(self.senders) as pool:
            sending = [pool.submit(one, number) for number in range(self.events)]
            poll_until(begun.is_set, "a tenth of the events", 180)
            meanwhile()
            for each in sending:
                each.result()


def exactly_once(load: Load, log: Log) -> None:
    """Every acknowledged event is where its answer said, and nowhere else."""
    assert len(load.places) == load.events
    expected = {identifier: [place] for identifier, place in load.places.items()}

    def told() -> dict[str, list[tuple[int, int]]]:
        return {identifier: at for identifier, at in log.events().items() if identifier.startswith(load.name)}

    # A broker that leads anew shows what it has only up to where it knows that the other one has it, too.
    poll_until(lambda: told().keys() >= expected.keys(), "all events to be readable", 60)
    assert told() == expected


def unique(name: str) -> str:
    """Names of this run's events: a stack that runs on remembers those of the last one."""
    return f"{name}-{datetime.now(UTC):%H%M%S%f}"


# Once


def test_a_2xx_means_that_it_is_on_kafka_once(entrance, log: Log):
    load = Load(entrance, unique("calm"), events=200)
    load.run(lambda: None)
    exactly_once(load, log)


def test_lines_are_on_kafka_once_though_the_batch_is_sent_again(entrance, log: Log):
    name = unique("lines")
    body = "".join(json.dumps(event(f"{name}-{n:04d}")) + "\n" for n in range(500))
    client = entrance("events")
    headers = {"Content-Type": "application/x-ndjson"}
    first = client.post("/events/app-events", content=body, headers=headers)
    again = client.post("/events/app-events", content=body, headers=headers)
    assert (first.status_code, first.json()["stored"], again.json()["again"]) == (200, 500, 500)
    found = {identifier: places for identifier, places in log.events().items() if identifier.startswith(name)}
    assert {i: len(places) for i, places in found.items()} == {f"{name}-{n:04d}": 1 for n in range(500)}


# Killed


def test_an_instance_is_killed_under_load(live: Live, entrance, log: Log):
    load = Load(entrance, unique("instance"))

    def kill_both_in_turn() -> None:
        for container in [found for found in live.containers() if found.service == "api"]:
            live.kill("api", host=container.id[:12])
            live.well_again("api", container.id[:12])

    load.run(kill_both_in_turn)
    exactly_once(load, log)


def test_nginx_is_killed_under_load(live: Live, entrance, log: Log):
    load = Load(entrance, unique("nginx"))

    def kill() -> None:
        live.kill("nginx")
        live.well_again("nginx")

    load.run(kill)
    exactly_once(load, log)


def test_a_broker_is_killed_under_load(live: Live, entrance, log: Log):
    load = Load(entrance, unique("broker"))

    def kill() -> None:
        live.kill("kafka-1")
        live.well_again("kafka-1")

    load.run(kill)
    exactly_once(load, log)


def test_kafka_is_away_and_comes_back(live: Live, entrance, log: Log):
    """Both brokers stand still: what was under way then may be on Kafka or not, and is there once in the end."""
    load = Load(entrance, unique("away"), events=120)
    brokers = [live.container(name).id for name in ("kafka-1", "kafka-2")]

    def stand_still() -> None:
        compose.docker("pause", *brokers)
        try:
            refused = poll_until(lambda: _refused(entrance("events"), unique("refused")), "a 503", 120)
            assert refused.headers["content-type"] == "application/problem+json"
            assert int(refused.headers["retry-after"]) > 0
            # Each instance finds out by what it sends itself.
            poll_until(lambda: entrance("").get("/health/ready").status_code == 503, "nobody to be ready", 60)
            assert entrance("").get("/health/live").status_code == 200
        finally:
            compose.docker("unpause", *brokers)

    load.run(stand_still)
    exactly_once(load, log)
    poll_until(lambda: entrance("").get("/health/ready").status_code == 200, "the API to be ready", 120)


def _refused(client: httpx.Client, identifier: str) -> httpx.Response | None:
    answer = client.post("/events/app-events", json=event(identifier))
    return answer if answer.status_code == 503 else None


def test_a_dead_instance_is_taken_out(live: Live, entrance):
    """One stands still, as a hung process does: the others answer, and it is asked again when it goes on."""
    one = next(found for found in live.containers() if found.service == "api")
    client = entrance("erp")
    client.get("/campuses")
    compose.docker("pause", one.id)
    try:
        answers = [client.get("/campuses", timeout=120).status_code for _ in range(20)]
    finally:
        compose.docker("unpause", one.id)
    assert answers == [200] * 20
    poll_until(lambda: live.container("api", one.id[:12]).well, "the instance to be well")


# Refused


def test_tokens_at_the_entrance(entrance):
    for role, method, address, status in (
        ("", "GET", "/students", 401),
        ("reader", "GET", "/students", 403),
        ("events", "GET", "/quotes", 403),
        ("reader", "POST", "/events/app-events", 403),
        ("erp", "POST", "/events/app-events", 403),
        ("erp", "GET", "/quotes", 200),
        ("reader", "GET", "/marts", 200),
        ("", "GET", "/metrics", 404),
    ):
        assert entrance(role).request(method, address).status_code == status, (role, method, address)
    wrong = entrance("").get("/quotes", headers={"Authorization": "Bearer " + "0" * 48})
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_bodies_that_are_too_large_or_malformed(entrance):
    client = entrance("events")
    large = client.post(
        "/events/app-events", content=b"x" * (9 << 20), headers={"Content-Type": "application/x-ndjson"}
    )
    assert (large.status_code, large.headers["content-type"]) == (413, "application/problem+json")
    assert large.json()["status"] == 413
    for content in (b"", b"{", b"\x00", b"[1]"):
        answer = client.post("/events/app-events", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (422, 422)


def test_too_many_requests_are_told_to_wait(live: Live, entrance):
    """Six hundred requests in one breath, without waiting for answers: more than a client that waits can send."""
    port = live.stack.environment.port("ENTRANCE_PORT")
    context = ssl.create_default_context(cadata=live.description.authority())
    one = "GET /api/nowhere HTTP/1.1\r\nHost: localhost\r\n"
    requests = f"{one}\r\n" * 599 + f"{one}Connection: close\r\n\r\n"

    async def ask() -> str:
        # Answers come while requests still go; one thread does both, as a TLS connection wants it.
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        writer.write(requests.encode())
        answers = await reader.read()
        writer.close()
        return answers.decode()

    with ThreadPoolExecutor(1) as apart:  # the browser's loop runs in this thread
        answers = apart.submit(lambda: asyncio.run(asyncio.wait_for(ask(), 60))).result()
    counted = Counter(re.findall(r"HTTP/1\.1 (\d+) ", answers))
    assert set(counted) == {"404", "429"}, counted
    told = answers[answers.index("HTTP/1.1 429") :]
    assert "\r\nRetry-After: 1\r\n" in told
    assert '"status":429' in told


def test_plain_http_is_sent_to_tls(live: Live):
    port = live.stack.environment["ENTRANCE_PORT"]
    answer = httpx.get(f"http://localhost:{port}/api/docs")
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://localhost:{port}/api/docs")


# Seen


def test_what_stands_behind_is_not_told(entrance):
    answer = entrance("erp").get("/campuses")
    assert answer.headers["server"] == "nginx"
    assert "uvicorn" not in str(answer.headers).lower()


def test_the_log_has_the_real_client_and_nothing_personal(live: Live, entrance):
    """A container asks through the plain door, and claims to be another one."""
    token = live.stack.environment["API_ERP_TOKEN"]
    script = (
        "import socket,urllib.request as u;"
        f"r=u.Request('http://nginx:8000/api/campuses/1?order=secret',headers={{'Authorization':'Bearer {token}',"
        "'X-Forwarded-For':'203.0.113.9'});"
        "a=u.urlopen(r);print(a.headers['x-request-id'],socket.gethostbyname(socket.gethostname()))"
    )
    identifier, address = live.sh("home", f'python -c "{script}"').split()
    lines = poll_until(
        lambda: [line for line in live.description.last_lines("api", 500).splitlines() if identifier in line],
        "the line",
    )
    line = json.loads(lines[0][lines[0].index("{") :])
    assert (line["client"], line["route"], line["status"]) == (address, "/campuses/{key}", 200)
    assert "secret" not in lines[0]


def test_quotes_of_the_market_are_on_every_instance(entrance):
    client = entrance("reader")
    symbols = {"AIRF", "DEBZ", "HIVE", "KAFK", "LAKE", "NIFI", "SPRK", "SUPI"}
    poll_until(lambda: {quote["symbol"] for quote in client.get("/quotes").json()} == symbols, "all symbols")
    for _ in range(4):  # two instances in turn
        candle = client.get("/quotes/SUPI/candles?minutes=5").json()[-1]
        assert candle["low"] <= candle["open"] <= candle["high"]
        assert candle["low"] <= candle["close"] <= candle["high"]


def test_the_live_stream_is_not_held_back(entrance):
    with entrance("reader").stream("GET", "/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line.startswith("data: {"))
        quotes = [json.loads(next(lines).removeprefix("data: ")) for _ in range(5)]
    assert all(quote["price"] > 0 for quote in quotes if "price" in quote)


def test_marts_are_cached_for_each_token(live: Live, entrance, run_id: str):
    reader, other = entrance("reader"), entrance("erp")
    first = poll_until(lambda: (a := reader.get("/marts/mart_regions")).status_code == 200 and a, "the mart", 300)
    assert first.json()["rows"]
    again = reader.get("/marts/mart_regions")
    assert again.headers["x-cache-status"] in ("HIT", "EXPIRED")
    assert again.content == first.content
    tag = first.headers["etag"]
    assert reader.get("/marts/mart_regions", headers={"If-None-Match": tag}).status_code == 304
    assert other.get("/marts/mart_regions").json() == first.json()
    assert entrance("").get("/marts/mart_regions").status_code == 401
    assert entrance("events").get("/marts/mart_regions").status_code == 403


def test_the_pages_need_nothing_from_elsewhere(entrance):
    client = entrance("")
    page = client.get("/docs").text
    for address in ("pages/swagger-ui.css", "pages/swagger-ui-bundle.js", "pages/docs.js", "openapi.json"):
        assert address in page or address == "openapi.json"
        assert client.get(f"/{address}").status_code == 200
    assert "://" not in page
    assert client.get("/live.html").status_code == 200
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/api"}]
