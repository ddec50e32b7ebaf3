"""Moving averages on the live stack: what the stream puts into Hive and the API is what one computes from the topic.

One stream for all tests of this file. Its driver is killed once, and the same must be true after that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest
from capture import committed
from jobs import yarn_states
from kafka import KafkaConsumer, TopicPartition
from live import Live
from polling import poll_until

from lab.live.kafka import METADATA_AGE
from lab.live.market import Stream, find
from lab.stack import compose
from lakelab.hiveserver2 import HiveServer2

TOPIC = "stock-market-data"
LENGTH, SLIDE, LATE = 60, 10, timedelta(seconds=60)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Window = tuple[str, datetime]
Figures = tuple[int, int, Decimal, Decimal, Decimal]  # trades, volume, low, high, average


@dataclass
class Topic:
    """The quotes, read by kafka-python, and the windows that they make."""

    consumer: KafkaConsumer
    places: list[TopicPartition]
    windows: dict[Window, list[tuple[Decimal, int]]] = field(default_factory=dict)
    late: dict[str, tuple[int, int]] = field(default_factory=dict)  # place of each late quote by its id

    def read(self) -> None:
        """Take in what is committed by now."""
        for record in committed(self.consumer, self.places):
            self._take(record)

    def _take(self, record: Any) -> None:
        quote = json.loads(record.value)
        traded = datetime.fromisoformat(quote["event_time"])
        if EPOCH + timedelta(milliseconds=record.timestamp) - traded > LATE:
            self.late[quote["event_id"]] = (record.partition, record.offset)
            return
        last = EPOCH + timedelta(seconds=(traded - EPOCH) // timedelta(seconds=SLIDE) * SLIDE)
        for back in range(0, LENGTH, SLIDE):
            window = (quote["symbol"], last - timedelta(seconds=back))
            self.windows.setdefault(window, []).append((Decimal(str(quote["price"])), quote["volume"]))

    def figures(self, before: datetime) -> dict[Window, Figures]:
        """Of each window that ended before."""
        found = {}
        for window, trades in self.windows.items():
            if window[1] + timedelta(seconds=LENGTH) <= before:
                prices = [price for price, _ in trades]
                average = (sum(prices, Decimal()) / len(prices)).quantize(Decimal("1e-6"), ROUND_HALF_UP)
                volume = sum(volume for _, volume in trades)
                found[window] = (len(trades), volume, min(prices), max(prices), average)
        return found


@dataclass
class Market:
    live: Live
    topic: Topic
    hive: HiveServer2
    client: httpx.Client
    stream: Stream

    def agree(self, seconds: float = 300) -> dict[Window, Figures]:
        """Wait until Hive has the windows that have ended by now, all of them and no other; returns them."""
        now, seen = datetime.now(UTC), set[str]()

        def same() -> bool:
            nonlocal seen
            former, seen = seen, self.versions()
            if (
                seen == former
            ):  # Hive is asked when there is something new: it needs the processor that the stream needs
                return False
            self.topic.read()
            expected = self.topic.figures(now)
            # Of the present minute, too: not only what was there before the test.
            new = [start for _, start in expected if (now - start).total_seconds() < 75]
            return bool(new) and self.hive_has(now) == expected

        poll_until(same, f"Hive to have the windows until {now:%H:%M:%S}", seconds)
        return self.topic.figures(now)

    def versions(self) -> set[str]:
        """Folders of the table, one of each batch. The one before is what Hive has when the next appears."""
        port = self.live.stack.environment["WEBHDFS_PORT"]
        url = f"http://127.0.0.1:{port}/webhdfs/v1/lake/market/averages?op=LISTSTATUS&user.name=hadoop"
        found = httpx.get(url, timeout=30).raise_for_status().json()
        return {status["pathSuffix"] for status in found["FileStatuses"]["FileStatus"]}

    def hive_has(self, before: datetime) -> dict[Window, Figures]:
        rows = self.hive.rows(
            "SELECT symbol, window_start, trades, volume, low, high, average FROM lake_market.averages"
            f" WHERE window_end <= '{before:%Y-%m-%d %H:%M:%S.%f}'"
        )
        found = {(row[0], row[1].replace(tzinfo=UTC)): tuple(row[2:]) for row in rows}
        assert len(found) == len(rows), "windows that are there twice"
        return found


@pytest.fixture(scope="module")
def market(live: Live) -> Iterator[Market]:
    live.succeed("market", "stream", "start")
    stream = find(live.stack.emr)
    assert stream is not None
    values = live.stack.environment.values
    consumer = KafkaConsumer(
        bootstrap_servers=live.stack.kafka.split(","), isolation_level="read_committed", enable_auto_commit=False,
        metadata_max_age_ms=METADATA_AGE,
    )  # fmt: skip
    places = [TopicPartition(TOPIC, p) for p in sorted(consumer.partitions_for_topic(TOPIC))]
    consumer.assign(places)
    consumer.seek_to_beginning()
    headers = {"Authorization": f"Bearer {values['API_READER_TOKEN']}"}
    with (
        live.stack.warehouse("default") as hive,
        httpx.Client(base_url=live.stack.api_url, headers=headers, verify=False, timeout=60) as client,
    ):
        yield Market(live, Topic(consumer, places), hive, client, stream)
    consumer.close()
    if find(live.stack.emr):
        live.succeed("market", "stream", "stop")


def test_hive_and_the_api_have_the_windows_of_the_topic_and_a_late_quote_is_set_aside(market: Market):
    token = market.live.stack.environment["API_EVENTS_TOKEN"]
    traded = datetime.now(UTC) - timedelta(minutes=10)
    identifier = f"late-{traded:%H%M%S%f}"
    late = {"event_id": identifier, "symbol": "SUPI", "price": 1, "volume": 1, "event_time": traded.isoformat()}
    posted = market.client.post("/events/stock-quotes", json=late, headers={"Authorization": f"Bearer {token}"})
    assert posted.status_code == 201
    windows = market.agree()
    assert len({symbol for symbol, _ in windows}) == 8

    place = market.topic.late[identifier]
    where = f"FROM lake_market.aside WHERE value LIKE '%{identifier}%'"
    columns = "kafka_partition, kafka_offset, reason, symbol"
    aside = poll_until(lambda: market.hive.rows(f"SELECT {columns} {where}"), "the late quote to be set aside", 120)
    assert [tuple(row) for row in aside] == [(*place, "late", "SUPI")]

    until = max(start for _, start in windows) + timedelta(seconds=1)
    since = until - timedelta(minutes=1)
    expected = {start: found for (symbol, start), found in windows.items() if symbol == "SUPI" and start >= since}
    asked = {"since": since.isoformat(), "until": until.isoformat(), "limit": "2"}
    address, items, tag = f"/quotes/SUPI/averages?{httpx.QueryParams(asked)}", [], ""
    while address:
        answer = market.client.get(address.removeprefix("/api"))
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        tag = answer.headers["ETag"]
        last, address = address, answer.json().get("next", "")
    shown = {
        datetime.fromisoformat(item["window_start"]): tuple(item[name] for name in ("trades", "volume", "average"))
        for item in items
    }
    assert shown == {start: (f[0], f[1], float(f[4])) for start, f in expected.items()}
    assert [item["window_start"] for item in items] == sorted((i["window_start"] for i in items), reverse=True)
    assert market.client.get(last.removeprefix("/api"), headers={"If-None-Match": tag}).status_code == 304


def test_the_driver_is_killed_and_nothing_is_lost_or_doubled(market: Market):
    # What YARN calls the application's master has the driver in it, of a step that was submitted as to a real cluster.
    kill = r"""for p in /proc/[0-9]*; do
        tr '\0' ' ' <$p/cmdline | grep -q '^[^ ]*java .*ApplicationMaster' && kill -9 "${p#/proc/}" && echo done
    done; true"""
    nodes = [found.id for found in market.live.containers() if found.service == "nodemanager"]  # on any of them
    assert [word for node in nodes for word in compose.docker("exec", node, "sh", "-c", kill).split()] == ["done"]
    market.agree()
    again = find(market.live.stack.emr)
    assert again is not None
    assert (again.step, again.state) == (market.stream.step, "RUNNING")
    out = market.live.succeed("market", "stream", "status")
    assert "attempt 2" in out
    assert f"{again.step} of {again.cluster}: RUNNING" in out


def test_a_second_one_is_refused_and_stop_leaves_nothing_behind(market: Market):
    refused = market.live.lab("market", "stream", "start")
    assert refused.returncode == 1
    assert f"the stream runs already: {market.stream.step}" in refused.stderr
    assert f"{market.stream.step} of {market.stream.cluster} is CANCELLED" in market.live.succeed(
        "market", "stream", "stop"
    )
    assert set(yarn_states(market.live, market.stream.cluster.lower())) == {"KILLED"}
    assert find(market.live.stack.emr) is None
