"""Quotes: the last price of each symbol, and candles by the minute, as this instance has read them from Kafka; moving
averages, as the stream keeps them in the lake.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.api import etags
from services.api.averages import FRESH_SECONDS, LONGEST, Average
from services.api.clients import Open
from services.api.problems import Problem, responses
from services.api.quotes import MINUTES, Quote
from services.api.security import Right, may

router = APIRouter(tags=["quotes"], dependencies=[Depends(may(Right.READ))])
_FIRST, _LAST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
CACHING = {"Cache-Control": f"public, max-age={FRESH_SECONDS}", "Vary": "Authorization"}
Symbol = Annotated[str, Path(pattern=r"^[A-Z][A-Z0-9.]{0,11}$", examples=["SUPI"])]


class LastQuote(BaseModel):
    """The last trade of a symbol."""

    symbol: str = Field(examples=["SUPI"])
    price: float = Field(examples=[101.25])
    volume: int = Field(examples=[300])
    event_time: dt.datetime


class CandleOut(BaseModel):
    """Open, high, low and close of a minute, in UTC."""

    minute: dt.datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    trades: int


@router.get("/quotes", summary="The last trade of each symbol", responses=responses(401, 403))
async def all_quotes(clients: Open) -> list[LastQuote]:
    return [_shown(quote) for quote in clients.board.symbols()]


@router.get("/quotes/{symbol}", summary="The last trade of a symbol", responses=responses(401, 403, 404, 422))
async def one_quote(symbol: Symbol, clients: Open) -> LastQuote:
    return _shown(_known(clients, symbol))


@router.get("/quotes/{symbol}/candles", summary="Its candles by the minute", responses=responses(401, 403, 404, 422))
async def candles(
    symbol: Symbol, clients: Open, minutes: Annotated[int, Query(ge=1, le=MINUTES)] = 60
) -> list[CandleOut]:
    _known(clients, symbol)
    return [
        CandleOut(
            minute=minute, open=candle.first.price, high=candle.high, low=candle.low, close=candle.last.price,
            volume=candle.volume, trades=candle.trades,
        )
        for minute, candle in clients.board.candles(symbol, minutes)
    ]  # fmt: skip


class AverageOut(BaseModel):
    """What was traded in a window of time, in UTC. A window may grow until a minute or so after its end."""

    window_start: dt.datetime = Field(description="A trade at this moment is in it.")
    window_end: dt.datetime = Field(description="A trade at this moment is not in it.")
    trades: int
    volume: int
    low: float
    high: float
    average: float = Field(description="The moving average.")
    weighted: float | None = Field(description="The average weighted by volume; null where no trade had one.")


class AveragesPage(BaseModel):
    """Windows, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "SUPI",
                    "items": [
                        {
                            "window_start": "2026-06-01T13:00:00+00:00",
                            "window_end": "2026-06-01T13:01:00+00:00",
                            "trades": 60,
                            "volume": 24000,
                            "low": 101.2,
                            "high": 101.35,
                            "average": 101.283333,
                            "weighted": 101.279167,
                        }
                    ],
                    "next": "/api/quotes/SUPI/averages?limit=1&since=2026-06-01T12%3A00%3A00%2B00%3A00"
                    "&until=2026-06-01T13%3A00%3A00%2B00%3A00",
                }
            ]
        }
    )
    symbol: str
    items: list[AverageOut]
    next: str | None = Field(None, description="Address of the next page; absent on the last one.")


@router.get(
    "/quotes/{symbol}/averages",
    summary="Its moving averages",
    response_model=AveragesPage,
    responses={304: {"description": "As it was."}, **responses(401, 403, 404, 422, 503)},
)
async def averages(
    request: Request,
    symbol: Symbol,
    clients: Open,
    since: Annotated[
        AwareDatetime | None, Query(ge=_FIRST, le=_LAST, description="Windows that begin from here on. [an hour back]")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(ge=_FIRST, le=_LAST, description="Windows that begin before. [now]")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Out of the lake, up to five seconds old, the newest first; a day at most. They go on while the stream runs
    (`lab market stream start`).
    """
    end = until or dt.datetime.now(dt.UTC)
    begin = since or end - dt.timedelta(hours=1)
    if not dt.timedelta(0) < end - begin <= LONGEST:
        raise Problem(422, "since and until: not a span of a day at most")
    rows = await clients.averages.read(symbol, begin, end)
    if not rows:
        _known(clients, symbol)
    document: dict[str, object] = {"symbol": symbol, "items": [_window(row) for row in rows[:limit]]}
    if len(rows) > limit:
        asked = {"limit": limit, "since": begin.isoformat(), "until": rows[limit - 1].window_start.isoformat()}
        document["next"] = f"{request.scope.get('root_path', '')}/quotes/{symbol}/averages?{urlencode(asked)}"
    return _tagged(document, if_none_match)


def _window(row: Average) -> dict[str, object]:
    return AverageOut(**vars(row)).model_dump(mode="json")


def _tagged(document: dict[str, object], if_none_match: str | None) -> Response:
    """The document with its entity tag, or a 304 to who has it."""
    body = json.dumps(document, separators=(",", ":")).encode()
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers = {"ETag": etags.quoted(tag), **CACHING}
    if etags.unchanged(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _known(clients: Open, symbol: str) -> Quote:
    quote = clients.board.last(symbol)
    if quote is None:
        raise Problem(404, "no quote of this symbol was seen in the last hours")
    return quote


def _shown(quote: Quote) -> LastQuote:
    return LastQuote(symbol=quote.symbol, price=quote.price, volume=quote.volume, event_time=quote.time)
