"""The marts, asked of the warehouse and kept for a while."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lakelab.marts import MARTS
from services.api.problems import Problem
from services.api.warehouse import NotMadeError, Warehouse

FRESH_SECONDS = 30  # marts are made anew by runs of minutes
NAMES = tuple(mart.table for mart in MARTS)


@dataclass(frozen=True)
class Answer:
    """A mart as JSON, its entity tag, and when it was read."""

    body: bytes
    tag: str
    read: float


class Marts:
    """Reads marts; many who ask for the same one wait for one question."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._kept: dict[str, Answer] = {}
        self._locks = {name: asyncio.Lock() for name in NAMES}

    async def read(self, name: str) -> Answer:
        """Problem 404: no such mart, or not made yet. 503: the warehouse does not answer in time."""
        if name not in self._locks:
            raise Problem(404, "there is no such mart: GET /marts has their names")
        async with self._locks[name]:
            kept = self._kept.get(name)
            if kept is None or time.monotonic() - kept.read > FRESH_SECONDS:
                kept = self._kept[name] = await self._ask(name)
        return kept

    async def _ask(self, name: str) -> Answer:
        try:
            columns, rows = await self._warehouse.ask(f"SELECT * FROM {name}")
        except NotMadeError:
            raise Problem(404, f"{name} is not made yet: run the pipeline once") from None
        lines = [dict(zip(columns, map(_json, row), strict=True)) for row in rows]
        body = json.dumps({"mart": name, "rows": lines}, ensure_ascii=False, separators=(",", ":")).encode()
        return Answer(body, hashlib.sha256(body).hexdigest()[:32], time.monotonic())


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, dt.date) else value
