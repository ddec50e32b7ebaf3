"""Moving averages of shares, as the stream has put them into the lake (spark-jobs/quotes_averages.py)."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.api.problems import Problem
from services.api.warehouse import NotMadeError, Warehouse

FRESH_SECONDS = 5  # the stream writes about as often
LONGEST = dt.timedelta(hours=24)  # that one may ask for at once: each hour is a file
_KEPT = 64  # answers
_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Average:
    """What was traded of a share in one window. weighted: None where no trade had a volume."""

    window_start: dt.datetime
    window_end: dt.datetime
    trades: int
    volume: int
    low: float
    high: float
    average: float
    weighted: float | None


class Averages:
    """Reads windows hour by hour; many who ask for the same hours wait for one question."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._kept: OrderedDict[tuple[str, ...], tuple[float, list[Average]]] = OrderedDict()
        self._asked: dict[tuple[str, ...], asyncio.Task[list[Average]]] = {}

    async def read(self, symbol: str, since: dt.datetime, until: dt.datetime) -> list[Average]:
        """Windows that begin from `since` on and before `until`, the newest first.

        symbol: checked by who calls. Problem 404: there are no tables yet. 503: the warehouse does not answer in time.
        """
        rows = await self._rows((symbol, *hours(since, until)))
        return [row for row in rows if since <= row.window_start < until]

    async def _rows(self, key: tuple[str, ...]) -> list[Average]:
        read, rows = self._kept.get(key, (float("-inf"), []))
        if time.monotonic() - read <= FRESH_SECONDS:
            return rows
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._renewed(key))
        return await asyncio.shield(self._asked[key])  # who goes away takes the answer from nobody else

    async def _renewed(self, key: tuple[str, ...]) -> list[Average]:
        try:
            rows = await self._ask(*key)
        finally:
            del self._asked[key]
        self._kept[key] = (time.monotonic(), rows)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return rows

    async def _ask(self, symbol: str, *wanted: str) -> list[Average]:
        listed = ", ".join(f"'{hour}'" for hour in wanted)
        sql = (
            "SELECT window_start, window_end, trades, volume, low, high, average, weighted "
            f"FROM lake_market.averages WHERE `hour` IN ({listed}) AND symbol = '{symbol}'"
        )
        try:
            _, rows = await self._warehouse.ask(sql)
        except NotMadeError:
            raise Problem(404, "there are no averages yet: lab market stream start") from None
        return sorted(map(_average, rows), key=lambda row: (row.window_start, row.window_end), reverse=True)


def hours(since: dt.datetime, until: dt.datetime) -> list[str]:
    """The hours in which such windows begin, as partitions are named."""
    hour = since.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    found = []
    while hour < until:
        found.append(f"{hour:%Y-%m-%d-%H}")
        hour += _HOUR
    return found


def _average(row: Sequence[Any]) -> Average:
    start, end, trades, volume, *prices = row
    low, high, average, weighted = (None if price is None else float(price) for price in prices)
    assert low is not None
    assert high is not None
    assert average is not None
    return Average(_utc(start), _utc(end), int(trades), int(volume), low, high, average, weighted)


def _utc(moment: Any) -> dt.datetime:
    """A time as Hive has it, which is in UTC and does not say so."""
    found = moment if isinstance(moment, dt.datetime) else dt.datetime.fromisoformat(str(moment))
    return found.replace(tzinfo=dt.UTC)
