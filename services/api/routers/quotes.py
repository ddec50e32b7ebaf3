"""Quotes: the last price of each symbol, and candles by the minute, as this instance has read them from Kafka."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from services.api.clients import Open
from services.api.problems import Problem, responses
from services.api.quotes import MINUTES, Quote
from services.api.security import Right, may

router = APIRouter(tags=["quotes"], dependencies=[Depends(may(Right.READ))])
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


def _known(clients: Open, symbol: str) -> Quote:
    quote = clients.board.last(symbol)
    if quote is None:
        raise Problem(404, "no quote of this symbol was seen in the last hours")
    return quote


def _shown(quote: Quote) -> LastQuote:
    return LastQuote(symbol=quote.symbol, price=quote.price, volume=quote.volume, event_time=quote.time)
