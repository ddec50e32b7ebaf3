"""The page of topics, messages, groups and lag: https://localhost:8443/kafka/, served by `home`. To look at only.

Kafka is asked when somebody looks, and not more often than every FRESH_SECONDS however many do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lab.live import cluster
from lab.live.kafka import consumer
from lab.live.tail import last, shown_key, summary, whole
from lakelab.errors import LabError

FOLDER = Path(__file__).with_name("kafka_page")
FRESH_SECONDS = 2.0
MESSAGES = 25

Json = dict[str, Any]


class Board:
    """What Kafka holds, asked for at most every FRESH_SECONDS, one question after the other."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._lock = asyncio.Lock()
        self._found: dict[str, tuple[float, Json]] = {}

    async def overview(self) -> Json:
        """Topics and groups."""
        return await self._fresh("", self._overview)

    async def messages(self, topic: str) -> Json:
        """The last messages of a topic, the newest first."""
        return await self._fresh(topic, lambda: self._messages(topic))

    async def _fresh(self, name: str, ask: Any) -> Json:
        async with self._lock:
            at, found = self._found.get(name, (-FRESH_SECONDS, {}))
            if time.monotonic() - at >= FRESH_SECONDS:
                found = await asyncio.to_thread(_asked, ask)
                kept = {"": self._found[""]} if "" in self._found else {}  # of topics the one that was looked at last
                self._found = {**kept, name: (time.monotonic(), found)}
            return found

    def _overview(self) -> Json:
        topics = [asdict(topic) for topic in cluster.topics(self._bootstrap)]
        groups = [
            {"name": group.name, "state": group.state, "members": group.members, "behind": group.behind,
             "lags": [{**asdict(lag), "behind": lag.behind} for lag in group.lags]}
            for group in cluster.groups(self._bootstrap)
        ]  # fmt: skip
        return {"topics": topics, "groups": groups}

    def _messages(self, topic: str) -> Json:
        with consumer(self._bootstrap, max_poll_records=500) as client:
            records = last(client, topic, MESSAGES)
        return {"messages": [_message(record) for record in reversed(records)]}


def _message(record: Any) -> Json:
    place = {name: value for name, value in whole(record).items() if name in ("partition", "offset", "timestamp")}
    return {**place, "key": shown_key(record), "summary": summary(record.value)}


def _asked(ask: Any) -> Json:
    try:
        found: Json = ask()
    except LabError as error:
        return {"error": str(error)}
    return found


def routes(bootstrap: str, headers: Mapping[str, str]) -> list[Route]:
    """The page's routes; `headers` go with every answer."""
    board = Board(bootstrap)

    async def overview(request: Request) -> Response:
        return JSONResponse(await board.overview(), headers=headers)

    async def messages(request: Request) -> Response:
        return JSONResponse(await board.messages(request.query_params.get("topic", "")), headers=headers)

    async def asset(request: Request) -> Response:
        name = Path(request.url.path).name
        return FileResponse(FOLDER / (name if "." in name else "index.html"), headers=headers)

    async def slash(request: Request) -> Response:
        return RedirectResponse("/kafka/", headers=headers)

    return [
        Route("/kafka", slash),
        Route("/kafka/", asset),
        Route("/kafka/kafka.css", asset),
        Route("/kafka/kafka.js", asset),
        Route("/kafka/overview.json", overview),
        Route("/kafka/messages.json", messages),
    ]
