"""Events: on Kafka before the answer, and once for each id, whichever instance is asked."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import asyncpg
import httpx
import pytest
from api_server import NOWHERE, TOKENS, Api, Broker, ids, serving
from polling import poll_until

from services.api.intake import doubts

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def events(api: Api) -> Iterator[httpx.Client]:
    with api.client(TOKENS.events) as client:
        yield client


def app_event(identifier: str | None, **more: object) -> dict[str, object]:
    event = {"name": "page_view", "event_time": "2026-06-01T13:00:00Z", "session": "s1", **more}
    return event if identifier is None else {**event, "event_id": identifier}


def on_topic(broker: Broker, topic: str) -> Counter[str]:
    """How often each event id is on a topic, as its records' headers say."""
    return Counter(dict(record.headers())["event_id"].decode() for record in broker.records(topic))


def test_an_answer_says_where_the_event_is(events, broker):
    answer = events.post("/events/ad-impressions", json=(sent := {
        "impression_id": "00c0ffee00c0ff01", "event_time": "2026-06-01T15:00:00.123+02:00", "ad_id": "ad-007",
        "device": "phone", "position": 2, "site": "news",
    }))  # fmt: skip
    assert answer.status_code == 201, answer.text
    place = answer.json()
    assert (place["event_id"], place["topic"], place["again"]) == ("00c0ffee00c0ff01", "ad-impressions", False)
    record = next(
        r
        for r in broker.records("ad-impressions")
        if (r.partition(), r.offset()) == (place["partition"], place["offset"])
    )
    assert json.loads(record.value()) == {**sent, "event_time": "2026-06-01T13:00:00.123Z"}
    assert record.key() == b"00c0ffee00c0ff01"


@pytest.mark.parametrize(
    ("kind", "event", "topic", "key"),
    [
        ("ad-clicks", {"click_id": "0badcafe00000001", "impression_id": "00c0ffee00c0ff01",
         "event_time": "2026-06-01T13:00:02Z"}, "ad-clicks", b"00c0ffee00c0ff01"),
        ("stock-quotes", {"event_id": "quote-000001", "symbol": "SUPI", "price": 101.5, "volume": 30,
         "event_time": "2026-06-01T13:00:02Z"}, "stock-market-data", b"SUPI"),
        ("app-events", app_event("app-0000-1", properties={"a": 1.5, "b": None}), "app-events", b"s1"),
    ],
)  # fmt: skip
def test_each_kind_has_its_topic_and_key(events, broker, kind, event, topic, key):
    place = events.post(f"/events/{kind}", json=event).json()
    records = [r for r in broker.records(topic) if (r.partition(), r.offset()) == (place["partition"], place["offset"])]
    assert [record.key() for record in records] == [key]


def test_a_retry_is_answered_with_the_place_of_the_first_try_on_each_instance(two, broker):
    first, second = (instance.client(TOKENS.events) for instance in two)
    with first, second:
        one = first.post("/events/app-events", json=app_event("retry-0001"))
        again = [client.post("/events/app-events", json=app_event("retry-0001")) for client in (first, second)]
        other = second.post("/events/app-events", json=app_event("retry-0001", session="s2"))
    assert one.status_code == 201
    assert [answer.status_code for answer in again] == [200, 200]
    for answer in again:
        assert answer.json() == {**one.json(), "again": True}
    assert other.status_code == 409
    assert other.json()["detail"] == "another event of app-events has this id"
    assert on_topic(broker, "app-events")["retry-0001"] == 1


def test_many_tries_at_once_on_both_instances_store_it_once(two, broker):
    names = [f"storm-{n:04d}" for n in range(30)]
    with two[0].client(TOKENS.events) as one, two[1].client(TOKENS.events) as other, ThreadPoolExecutor(16) as pool:

        def send(at: int) -> int:
            # A try that meets another one under way on the other instance is asked to come again.
            client = (one, other)[at % 2]
            while (answer := client.post("/events/app-events", json=app_event(names[at % 30]))).status_code == 503:
                assert answer.headers["retry-after"] == "15"
            return answer.status_code

        statuses = Counter(pool.map(send, range(180)))
    assert statuses == {201: 30, 200: 150}
    found = on_topic(broker, "app-events")
    assert {name: found[name] for name in names} == dict.fromkeys(names, 1)


@pytest.fixture
def slow_to_record(api: Api) -> Iterator[None]:
    """Postgres takes its time to note where an event is."""
    with ids(api) as cursor:
        cursor.execute(
            "CREATE FUNCTION takes_its_time() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;"
            "CREATE TRIGGER slow BEFORE UPDATE ON event_ids EXECUTE FUNCTION takes_its_time()"
        )
        yield
        cursor.execute("DROP FUNCTION takes_its_time CASCADE")


@pytest.mark.parametrize("instance", [0, 1])
def test_a_retry_before_the_first_try_is_recorded_is_answered_with_its_place(two, slow_to_record, instance):
    event = app_event(f"quick-000{instance}")
    with two[0].client(TOKENS.events) as first, two[instance].client(TOKENS.events) as next_one:
        one, again = first.post("/events/app-events", json=event), next_one.post("/events/app-events", json=event)
    assert (one.status_code, again.status_code) == (201, 200), again.text
    assert again.json() == {**one.json(), "again": True}


def test_events_without_an_id_are_given_one(events, broker):
    places = [events.post("/events/app-events", json=app_event(None)).json() for _ in range(2)]
    assert places[0]["event_id"] != places[1]["event_id"]
    found = on_topic(broker, "app-events")
    assert [found[place["event_id"]] for place in places] == [1, 1]


def test_lines_stand_for_themselves_and_bad_ones_are_named(events, broker):
    good = [json.dumps(app_event(f"lines-00{n}")) for n in (1, 2)]
    body = "\n".join([good[0], "", '{"name": "x"', good[1], json.dumps({"name": "x"}), good[0]]) + "\n"
    answer = events.post("/events/app-events", content=body, headers=NDJSON)
    assert answer.status_code == 207
    document = answer.json()
    assert (document["stored"], document["again"], document["refused"]) == (2, 1, 2)
    by_line = {result["line"]: result for result in document["results"]}
    assert {line: result["status"] for line, result in by_line.items()} == {1: 201, 3: 422, 4: 201, 5: 422, 6: 200}
    assert by_line[3]["detail"].startswith("Invalid JSON")
    assert by_line[5]["detail"] == "event_time: Field required"
    assert by_line[6]["offset"] == by_line[1]["offset"]
    whole = events.post("/events/app-events", content="\n".join(good), headers=NDJSON)
    assert (whole.status_code, whole.json()["again"]) == (200, 2)
    none = events.post("/events/app-events", content="{}\n[]\n", headers=NDJSON)
    assert (none.status_code, none.json()["detail"]) == (422, "no line was taken")
    found = on_topic(broker, "app-events")
    assert (found["lines-001"], found["lines-002"]) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "content", "media", "status", "said"),
    [
        ("app-events", b"", "application/json", 422, "Invalid JSON"),
        ("app-events", b"\xff", "application/json", 422, "Invalid JSON"),
        ("app-events", b"[]", "application/json", 422, "Input should be an object"),
        ("app-events", b"{}", "text/plain", 415, "send application/json"),
        ("app-events", b" \n", "application/x-ndjson", 422, "the body has no line"),
        ("app-events", b"{" + b" " * 300_000, "application/json", 413, "the body has more than 256 KB"),
        ("app-events", b"{}\n" * 10_001, "application/x-ndjson", 413, "the body has more than 10,000 lines"),
        ("nothing", b"{}", "application/json", 404, "there is no such kind of event"),
    ],
)
def test_a_body_that_cannot_be_taken_is_told(events, kind, content, media, status, said):
    answer = events.post(f"/events/{kind}", content=content, headers={"Content-Type": media})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(("token", "status"), [("", 401), ("wrong-" * 8, 401), (TOKENS.reader, 403), (TOKENS.erp, 403)])
def test_events_are_for_their_own_role(api, token, status):
    with api.client(token) as client:
        assert client.post("/events/app-events", json=app_event("token-0001")).status_code == status


# What an instance left open. The claims are written as it would have left them: an owner whose lock nobody holds.


def settle(api: Api, grace: float) -> tuple[int, int]:
    async def run() -> tuple[int, int]:
        async with asyncpg.create_pool(api.settings.ids_database, min_size=1, max_size=2) as pool:
            return await doubts.settle(pool, api.settings.brokers, grace)

    return asyncio.run(run())


def _settled(api: Api, expected: tuple[int, int]) -> None:
    """Settled at once, or when the API itself has looked, and Postgres has noticed that the owner's session is gone."""
    found = poll_until(lambda: any(found := settle(api, grace=0)) and found, "claims in doubt to be settled", 60)
    assert found == expected


@pytest.fixture
def from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's broker knows no times of records: what is looked for is looked for everywhere."""
    monkeypatch.setattr(doubts, "firsts_since", lambda *_: dict.fromkeys(range(4), 0))


def leave_open(api: Api, identifier: str, owner: int = 2_000_000) -> None:
    """Take back what was recorded of an event, or claim one that was never sent."""
    with ids(api) as cursor:
        cursor.execute(
            "INSERT INTO event_ids (topic, event_id, digest, owner) VALUES ('app-events', %s, 0, %s) "
            'ON CONFLICT (topic, event_id) DO UPDATE SET partition = NULL, "offset" = NULL, owner = excluded.owner',
            (identifier, owner),
        )


def test_what_a_dead_instance_left_open_is_settled_by_the_topic(api, events, broker, from_the_beginning):
    place = events.post("/events/app-events", json=app_event("left-0001")).json()
    leave_open(api, "left-0001")
    leave_open(api, "left-0002")
    for name in ("left-0001", "left-0002"):
        answer = events.post("/events/app-events", json=app_event(name, session="s1"))
        assert answer.status_code in (409, 503)  # the claim of one that was never sent has another digest
    _settled(api, (1, 1))
    known = events.post("/events/app-events", json=app_event("left-0001"))
    assert (known.status_code, known.json()) == (200, {**place, "again": True})
    assert events.post("/events/app-events", json=app_event("left-0002")).status_code == 201
    found = on_topic(broker, "app-events")
    assert (found["left-0001"], found["left-0002"]) == (1, 1)


def test_what_is_young_or_has_a_living_owner_is_left_alone(api, from_the_beginning):
    leave_open(api, "young-0001")
    assert settle(api, grace=60) == (0, 0)
    with ids(api) as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", (0x1D5, 2_000_000))
        assert settle(api, grace=0) == (0, 0)
    _settled(api, (0, 1))


def test_while_kafka_is_away_a_503_says_when_to_come_again(api, loaded):
    with serving(replace(api.settings, brokers=NOWHERE, instance="lonely")) as lonely:
        with lonely.client(TOKENS.events) as client:
            answers = [client.post("/events/app-events", json=app_event("away-0001")) for _ in range(2)]
            many = client.post("/events/app-events", content=json.dumps(app_event("away-0002")), headers=NDJSON)
            ready, live = client.get("/health/ready"), client.get("/health/live")
        with lonely.client(TOKENS.erp) as client:
            assert client.get("/campuses/1").status_code == 200
    for answer in (*answers, many, ready):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
    assert live.status_code == 200
    assert many.json()["detail"].startswith("1 lines were not taken: Kafka")


def test_while_the_ids_are_away_a_503_says_so_and_it_goes_on_by_itself_when_they_are_back(events, erp_server):
    connection = erp_server.server.connect("postgres", "postgres")
    connection.autocommit = True
    with connection.cursor() as admin:
        admin.execute("ALTER DATABASE api ALLOW_CONNECTIONS false")
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'api'")
            refused = [events.post("/events/app-events", json=app_event(f"ids-away-{n}")) for n in range(3)]
        finally:
            admin.execute("ALTER DATABASE api ALLOW_CONNECTIONS true")
    connection.close()
    assert [answer.status_code for answer in refused] == [503, 503, 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    back = poll_until(lambda: _taken(events, "ids-back-0001"), "the API to take events again")
    assert back.json()["again"] is False


def _taken(client: httpx.Client, identifier: str) -> httpx.Response | None:
    answer = client.post("/events/app-events", json=app_event(identifier))
    return answer if answer.is_success else None
