"""The market's stream: its steps as AWS takes them, its cluster, its status in words, and its windows in the API."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from aws_model import check_input
from emr_lab import Emr, shell
from fastapi import FastAPI

from lab.cluster import STEPS, read_steps
from lab.live import market
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, Settings, load_settings
from services.api import problems
from services.api.averages import Averages, hours
from services.api.clients import clients_of
from services.api.quotes import Board, Quote
from services.api.routers import quotes
from services.api.warehouse import NotMadeError

NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)

# The step


def test_aws_would_take_the_steps_and_the_stream_runs_in_the_cluster():
    variables = {"market_lake": "s3://b/lake", "kafka_brokers": "b-1.msk:9096", "kafka_connector": "s3://b/k.jar"}
    tables, stream = read_steps(STEPS / "market_stream.json", replace(load_settings({}), bucket="b"), **variables)
    check_input("AddJobFlowSteps", {"JobFlowId": "j-ABCDEFGHIJKLM", "Steps": [tables, stream]})
    assert tables["HadoopJarStep"]["Args"][-3:] == ["s3://b/hive/market/1_tables.hql", "-d", "LAKE=s3://b/lake"]
    words = stream["HadoopJarStep"]["Args"]
    assert words[:3] == ["spark-submit", "--deploy-mode", "cluster"]
    assert words[words.index("--jars") + 1] == "s3://b/k.jar"
    job = words.index("s3://b/spark/quotes_averages.py")
    assert words[job + 1 :] == ["--brokers", "b-1.msk:9096", "--lake", "s3://b/lake"]


def test_the_connector_is_where_the_image_has_it():
    dockerfile = (REPOSITORY / "services" / "hadoop" / "Dockerfile").read_text()
    assert "/opt/spark/connector/lib" in dockerfile
    pom = (REPOSITORY / "services" / "hadoop" / "connectors" / "pom.xml").read_text()
    names = [uri.rpartition("/")[2].removesuffix(".jar") for uri in market.CONNECTOR.split(",")]
    assert len(names) == 4
    assert all(f"<artifactId>{name}</artifactId>" in pom for name in names)


@pytest.fixture
def settings(emr: Emr, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(market, "STEPS", emr.root)
    return replace(load_settings({}), bucket="logs")


def steps_are(emr: Emr, *scripts: str) -> None:
    steps = [shell(script, name=script[:20], action="TERMINATE_CLUSTER") for script in scripts]
    (emr.root / "market_stream.json").write_text(json.dumps(steps))


def test_it_runs_on_a_cluster_of_its_own_once_and_stops(emr: Emr, settings: Settings):
    gate = emr.gate()
    steps_are(emr, "true", gate.wait)
    other = emr.cluster()
    assert market.find(emr.engine) is None
    with pytest.raises(LabError, match="does not run"):
        market.stop(emr.engine)

    running = market.start(emr.engine, settings)
    assert running.state == "RUNNING"
    assert running.cluster != other
    assert market.find(emr.engine) == running
    with pytest.raises(LabError, match=f"runs already: {running.step}"):
        market.start(emr.engine, settings)

    assert market.stop(emr.engine).state == "CANCELLED"
    assert market.find(emr.engine) is None
    assert emr.status(running.cluster)["State"].startswith("TERMINATED")
    assert emr.status(other)["State"] == "WAITING"


def test_it_is_found_among_more_clusters_than_one_page_has(emr: Emr, settings: Settings):
    gate = emr.gate()
    steps_are(emr, "true", gate.wait)
    running = market.start(emr.engine, settings)
    for _ in range(50):  # as many as ListClusters gives at once; the newest come first
        emr.cluster(wait=False)
    assert market.find(emr.engine) == running


def test_tables_that_cannot_be_made_are_told(emr: Emr, settings: Settings):
    steps_are(emr, "exit 3", "true")
    with pytest.raises(LabError, match=r"ended at once: s-[A-Z0-9]+ is FAILED"):
        market.start(emr.engine, settings)


def test_the_status_in_words():
    began = dt.datetime(2026, 6, 1, 14, 0, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    stream = market.Stream("j-A", "s-B", "RUNNING", began)
    figures = market.Figures(1234, dt.datetime(2026, 6, 1, 12, 1), {"late": 2, "early": 1})
    assert list(market.lines(stream, "application_1 RUNNING", figures)) == [
        "s-B of j-A: RUNNING since 2026-06-01 12:00:05 UTC",
        "application_1 RUNNING",
        "lake_market.averages: 1,234 windows, the newest ends at 2026-06-01 12:01:00 UTC",
        "lake_market.aside: 1 early, 2 late",
    ]
    assert list(market.lines(None, "", None)) == [
        "The stream does not run: lab market stream start",
        "No tables yet.",
    ]


# The API


class Warehouse:
    """What the API asks, and rows as PyHive gives them: windows of ten seconds from NOON on, and one before."""

    def __init__(self, made: bool = True) -> None:
        self.made, self.asked = made, list[str]()

    async def ask(self, sql: str) -> tuple[list[str], list[Any]]:
        self.asked.append(sql)
        if not self.made:
            raise NotMadeError
        if "'SUPI'" not in sql:
            return [], []
        starts = [(NOON + dt.timedelta(seconds=10 * n)).replace(tzinfo=None) for n in (2, -1, 1, 0)]
        price = Decimal("101.250000")
        return [], [(at, at + dt.timedelta(minutes=1), 3, 60, price, price, price, None) for at in starts]


class Clients:
    def __init__(self, warehouse: Warehouse) -> None:
        self.averages, self.board = Averages(warehouse), Board()
        self.board.add([Quote("LAKE", 1.0, 1, NOON)])


def get(warehouse: Warehouse, *paths: str, headers: dict[str, str] | None = None) -> list[httpx.Response]:
    """Answers of the routes alone, to somebody who may read."""
    app, clients = FastAPI(), Clients(warehouse)
    problems.install(app)
    app.include_router(quotes.router)
    app.dependency_overrides[clients_of] = lambda: clients
    for dependency in quotes.router.dependencies:
        app.dependency_overrides[dependency.dependency] = lambda: None

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


SPAN = "since=2026-06-01T12:00:00Z&until=2026-06-01T12:10:00Z"


def test_a_question_that_takes_long_keeps_nobody_from_another_and_serves_all_who_asked():
    first = asyncio.Event()

    class Slow(Warehouse):
        async def ask(self, sql: str) -> tuple[list[str], list[Any]]:
            found = await super().ask(sql)
            if "'SUPI'" in sql:
                await first.wait()
            return found

    async def ask() -> None:
        warehouse = Slow()
        averages, end = Averages(warehouse), NOON + dt.timedelta(minutes=10)
        gone, waiting = (asyncio.create_task(averages.read("SUPI", NOON, end)) for _ in range(2))
        assert await averages.read("LAKE", NOON, end) == []
        gone.cancel()
        first.set()
        assert len(await waiting) == 3
        assert len(warehouse.asked) == 2

    asyncio.run(ask())


def test_pages_of_windows_are_the_newest_first_and_one_question_serves_many():
    warehouse = Warehouse()
    first, again = get(warehouse, *2 * [f"/quotes/SUPI/averages?{SPAN}&limit=2"])
    assert [item["window_start"][11:19] for item in first.json()["items"]] == ["12:00:20", "12:00:10"]
    assert first.json()["items"][0]["average"] == 101.25
    assert first.json()["items"][0]["weighted"] is None
    assert first.headers["Cache-Control"] == "public, max-age=5"
    assert first.headers["ETag"] == again.headers["ETag"]
    assert len(warehouse.asked) == 1
    (last,) = get(Warehouse(), first.json()["next"])
    assert [item["window_start"][11:19] for item in last.json()["items"]] == ["12:00:00"]
    assert "next" not in last.json()
    (unchanged,) = get(
        Warehouse(), f"/quotes/SUPI/averages?{SPAN}&limit=2", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        (f"SUPI/averages?{SPAN}&limit=0", 422, "limit"),
        ("SUPI/averages?since=2026-06-01T12:00:00", 422, "since"),
        ("SUPI/averages?since=2026-06-01T12:00:00Z&until=2026-06-02T12:00:01Z", 422, "a span of a day at most"),
        ("SUPI/averages?since=2026-06-01T12:00:00Z&until=2026-06-01T12:00:00Z", 422, "a span of a day at most"),
        ("su'pi/averages", 422, "symbol"),
        (f"NIFI/averages?{SPAN}", 404, "no quote of this symbol"),
        (f"LAKE/averages?{SPAN}", 200, ""),
    ],
)
def test_what_cannot_be_asked_is_refused(path, status, detail):
    (answer,) = get(Warehouse(), f"/quotes/{path}")
    assert answer.status_code == status
    assert detail in answer.json().get("detail", "")
    if status == 200:
        assert answer.json()["items"] == []


def test_before_the_first_start_there_is_nothing():
    (answer,) = get(Warehouse(made=False), f"/quotes/SUPI/averages?{SPAN}")
    assert answer.status_code == 404
    assert "lab market stream start" in answer.json()["detail"]


def test_hours_are_those_in_which_windows_begin():
    minute = dt.timedelta(minutes=1)
    assert hours(NOON - minute, NOON + minute) == ["2026-06-01-11", "2026-06-01-12"]
    assert hours(NOON - minute, NOON) == ["2026-06-01-11"]
    assert hours(NOON, NOON + 61 * minute) == ["2026-06-01-12", "2026-06-01-13"]
