"""Parts of the API that need no server: shapes of events, tokens, tags, pages, candles, logs, settings."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
import logging
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.responses import Response

from lakelab.catalogue import TABLES, table
from lakelab.errors import LabError
from lakelab.topics import TOPICS
from seed.ads.draw import draw_block
from seed.ads.lines import click_lines, impression_lines
from seed.ads.market import make_market
from services.api import etags, events, feed, logs
from services.api.erp import sql
from services.api.erp.models import MODELS
from services.api.erp.pages import Mark, order_of, read_mark, write_mark
from services.api.problems import Problem
from services.api.quotes import MINUTES, Board, Quote
from services.api.routers import events as events_router
from services.api.security import Guard, Right
from services.api.settings import Tokens, load_settings

# Events


def test_the_ad_logs_are_events_and_stay_as_they_are():
    drawn = draw_block(make_market(5), 5, 13, 2, 0, 3000)
    for kind, lines in (
        ("ad-impressions", impression_lines(drawn.impressions)),
        ("ad-clicks", click_lines(drawn.clicks)),
    ):
        found = lines.splitlines()
        assert len(found) > 10
        assert [json.loads(events.read(kind, line).value) for line in found] == [json.loads(line) for line in found]


def test_every_kind_has_a_declared_topic():
    assert {model.topic for model in events.TYPES.values()} <= {topic.name for topic in TOPICS}


def test_the_examples_of_the_documentation_are_events():
    for kind, model in events.TYPES.items():
        (example,) = model.model_config["json_schema_extra"]["examples"]
        ready = events.read(kind, json.dumps(example).encode())
        assert json.loads(ready.value) == example
        assert ready.named


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("stock-quotes", {"price": 0}),
        ("stock-quotes", {"price": float("nan")}),
        ("stock-quotes", {"price": float("inf")}),
        ("stock-quotes", {"volume": -1}),
        ("stock-quotes", {"symbol": "supi"}),
        ("stock-quotes", {"event_time": "2026-06-01T13:00:00"}),
        ("stock-quotes", {"event_time": "1999-06-01T13:00:00Z"}),
        ("stock-quotes", {"event_id": "short"}),
        ("stock-quotes", {"colour": "red"}),
        ("ad-impressions", {"impression_id": "00C0FFEE00C0FFEE"}),
        ("ad-impressions", {"position": 0}),
        ("app-events", {"properties": {"nested": {"a": 1}}}),
        ("app-events", {"properties": {f"p{n}": n for n in range(51)}}),
    ],
)
def test_what_is_no_event_is_refused(kind, change):
    (example,) = events.TYPES[kind].model_config["json_schema_extra"]["examples"]
    with pytest.raises(ValidationError):
        events.read(kind, json.dumps({**example, **change}).encode())


# Tokens

TOKENS = Tokens("r" * 24, "e" * 24, "p" * 24)


@pytest.mark.parametrize(
    ("token", "allowed"),
    [("r" * 24, {Right.READ}), ("e" * 24, {Right.EVENTS}), ("p" * 24, {Right.READ, Right.ERP})],
)
def test_each_role_has_its_rights(token, allowed):
    for right in Right:
        if right in allowed:
            Guard(TOKENS).check(token, right)
        else:
            with pytest.raises(Problem) as refused:
                Guard(TOKENS).check(token, right)
            assert refused.value.status == 403
            assert 'error="insufficient_scope"' in refused.value.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", [None, "", "r" * 23, "R" * 24, "ré", "r" * 24 + " "])
def test_no_other_token_is_let_in(token):
    with pytest.raises(Problem) as refused:
        Guard(TOKENS).check(token, Right.READ)
    assert refused.value.status == 401


SETTINGS = {
    "ERP_DATABASE": "postgresql://api@postgres/ERP", "IDS_DATABASE": "postgresql://api@postgres/api",
    "KAFKA_BROKERS": "kafka-1:9092", "HIVESERVER2": "hiveserver2:10000", "API_READER_TOKEN": "r" * 24,
    "API_EVENTS_TOKEN": "e" * 24, "API_ERP_TOKEN": "p" * 24,
}  # fmt: skip


def test_settings_name_what_is_missing_or_unsafe():
    assert load_settings(SETTINGS).hive == ("hiveserver2", 10000)
    for name in SETTINGS:
        with pytest.raises(LabError, match=name):
            load_settings({**SETTINGS, name: ""})
    for token in ("short", "e" * 24):
        with pytest.raises(LabError, match="too short or not different"):
            load_settings({**SETTINGS, "API_READER_TOKEN": token})


# Tags and pages


def test_tags():
    assert etags.wanted(None) is None
    assert etags.wanted("*") is None
    assert etags.wanted('"1", W/"2", "3"') == ["1", "3"]
    assert etags.unchanged('W/"1", "2"', "2")
    assert etags.unchanged("*", "2")
    assert not etags.unchanged('"1"', "2")
    for bad in ("1", '"1', "", '"1" "2"'):
        with pytest.raises(Problem, match="not a list of entity tags"):
            etags.wanted(bad)


def test_a_mark_comes_back_as_it_was_written():
    grades = table("grades")
    for text, value in (("date", dt.date(2024, 1, 2)), ("-grade", None), ("id", 7)):
        order = order_of(text)
        assert read_mark(grades, order, write_mark(order, value, 7)) == Mark(value, 7)


@pytest.mark.parametrize("text", ["", "!", "e30", "W10", "WzEsMiwzXQ", "/" * 400])
def test_what_is_no_mark_is_told(text):
    with pytest.raises(Problem, match="after: "):
        read_mark(table("grades"), order_of("id"), text)


def test_the_sql_of_a_page_names_columns_of_the_catalogue_and_no_value():
    page = sql.select_page(table("events"), {"kind": "fair"}, order_of("-cost"), Mark(None, 3), 10)
    assert page.text.endswith(
        'FROM public.events WHERE "kind" = $1::text AND ("cost" IS NULL AND id > $2::integer)'
        ' ORDER BY "cost" DESC NULLS LAST, id ASC LIMIT 11'
    )
    assert page.values == ("fair", 3)


def test_the_models_follow_the_catalogue():
    for each in TABLES:
        assert tuple(MODELS[each.name].row.model_fields) == each.column_names
        for column in each.columns:
            field = MODELS[each.name].row.model_fields[column.name]
            assert field.description == column.doc
            assert field.is_required()
    schema = MODELS["grades"].row.model_json_schema()["properties"]["grade"]
    assert {"type": "null"} in schema["anyOf"]


# Quotes

NOON = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)


def quote(seconds: float, price: float, volume: int = 1, symbol: str = "SUPI") -> Quote:
    return Quote(symbol, price, volume, NOON + dt.timedelta(seconds=seconds))


def test_candles_go_by_the_time_of_trade_in_whatever_order_quotes_come():
    board = Board()
    board.add([quote(30, 12, 5), quote(10, 10, 1), quote(61, 13, 2), quote(59, 9, 3), quote(45, 15, 1)])
    (_, first), (minute, second) = board.candles("SUPI", 10)
    assert (first.first.price, first.high, first.low, first.last.price) == (10, 15, 9, 9)
    assert (first.volume, first.trades) == (10, 4)
    assert (minute, second.first.price, second.trades) == (NOON + dt.timedelta(minutes=1), 13, 1)
    assert board.last("SUPI").price == 13
    assert board.last("LAKE") is None


def test_the_board_is_bounded():
    board = Board()
    board.add(quote(60 * minute, minute + 1) for minute in range(2 * MINUTES))
    board.add([quote(0, 99)])  # too late for any candle
    found = board.candles("SUPI", 10**6)
    assert len(found) == MINUTES
    assert found[0][0] == NOON + dt.timedelta(minutes=MINUTES)
    board.add(quote(0, 1, symbol=f"S{n}") for n in range(1000))
    assert len(board.symbols()) == 500


class Record:
    """A record as the client library gives it."""

    def __init__(self, topic: str, value: Any) -> None:
        self._topic, self._value = topic, value

    def topic(self) -> str:
        return self._topic

    def value(self) -> bytes:
        return self._value if isinstance(self._value, bytes) else json.dumps(self._value).encode()

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 41


def test_a_change_is_told_without_the_row():
    change = {"op": "u", "before": None, "after": {"id": 7, "email": "z@free.fr"}, "source": {"ts_ms": 5, "lsn": 9}}
    for value in (change, {"schema": {}, "payload": change}):
        _, message = feed._change(Record("erp.public.students", value))
        assert json.loads(message.data) == {
            "table": "students", "operation": "update", "committed_ms": 5, "lsn": 9, "partition": 2, "offset": 41,
        }  # fmt: skip


@pytest.mark.parametrize("value", [b"", b"\xff", b"[]", b"{}", b'{"symbol": "A", "price": "x"}', b"null"])
def test_what_is_no_quote_is_passed_over(value):
    assert feed._quote(Record("stock-market-data", value)) is None


# Logs


def test_only_the_proxys_word_on_a_client_counts():
    headers = [(b"x-forwarded-for", b"203.0.113.9, 198.51.100.7")]
    proxy = logs.Proxy("localhost")
    assert proxy.client({"client": ("127.0.0.1", 5), "headers": headers}) == "198.51.100.7"
    assert proxy.client({"client": ("192.0.2.1", 5), "headers": headers}) == "192.0.2.1"
    assert logs.Proxy("").client({"client": ("127.0.0.1", 5), "headers": headers}) == "127.0.0.1"


def test_a_line_of_the_log_is_json_on_one_line():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines("one"))
    log = logging.Logger("test")
    log.addHandler(handler)
    log.warning("two\nlines", extra={"request": None})
    log.info("", extra={"request": {"route": "/students/{key}", "status": 200}})
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["message"], first["level"], first["instance"]) == ("two\nlines", "warning", "one")
    assert (second["route"], second["status"]) == ("/students/{key}", 200)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/events/stock-quotes", "stock-quotes"),
        ("POST", "/api/events/nothing-known", "nothing-known"),
        ("GET", "/events/stock-quotes", None),
        ("POST", "/events/", None),
        ("POST", "/events/stock-quotes/more", None),
        ("POST", "/api/other/events/stock-quotes", None),
        ("POST", "/students", None),
    ],
)
def test_events_alone_take_the_shortcut(monkeypatch, method, path, kind):
    async def send(request):
        return Response(request.path_params["kind"])

    async def others(scope, receive, send):
        await Response(status_code=404)(scope, receive, send)

    monkeypatch.setattr(events_router, "send", send)

    async def asked():
        root = "/api" if path.startswith("/api") else ""
        transport = httpx.ASGITransport(events_router.Shortcut(others), root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://lab") as client:
            return await client.request(method, path)

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.text) == ((200, kind) if kind else (404, ""))
