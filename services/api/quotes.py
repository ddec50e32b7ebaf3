"""Last prices and candles of each symbol, out of the quotes that an instance has read from Kafka.

Bounded: so many minutes and symbols. Quotes may come late or out of order; a candle's first and last price go by the
time of the trade.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

MINUTES = 180
SYMBOLS = 500


@dataclass(frozen=True)
class Quote:
    """One trade."""

    symbol: str
    price: float
    volume: int
    time: dt.datetime


@dataclass
class Candle:
    """Open, high, low, close and volume of a minute."""

    first: Quote
    last: Quote
    high: float
    low: float
    volume: int
    trades: int = 1

    @classmethod
    def of(cls, quote: Quote) -> Candle:
        return cls(quote, quote, quote.price, quote.price, quote.volume)

    def add(self, quote: Quote) -> None:
        if quote.time < self.first.time:
            self.first = quote
        if quote.time >= self.last.time:
            self.last = quote
        self.high, self.low = max(self.high, quote.price), min(self.low, quote.price)
        self.volume += quote.volume
        self.trades += 1


@dataclass
class _Symbol:
    last: Quote
    candles: OrderedDict[dt.datetime, Candle] = field(default_factory=OrderedDict)


class Board:
    """What is known of each symbol. `add` and the questions are asked by one thread."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol] = {}

    def add(self, quotes: Iterable[Quote]) -> None:
        for quote in quotes:
            self._add(quote)

    def _add(self, quote: Quote) -> None:
        known = self._symbols.get(quote.symbol)
        if known is None:
            if len(self._symbols) >= SYMBOLS:
                return
            known = self._symbols[quote.symbol] = _Symbol(quote)
        if quote.time >= known.last.time:
            known.last = quote
        minute = quote.time.replace(second=0, microsecond=0)
        candle = known.candles.get(minute)
        if candle is not None:
            candle.add(quote)
        elif minute > known.last.time - dt.timedelta(minutes=MINUTES):
            known.candles[minute] = Candle.of(quote)
            while len(known.candles) > MINUTES:
                del known.candles[min(known.candles)]

    def symbols(self) -> list[Quote]:
        """The last trade of each symbol."""
        return [self._symbols[name].last for name in sorted(self._symbols)]

    def last(self, symbol: str) -> Quote | None:
        known = self._symbols.get(symbol)
        return known.last if known else None

    def candles(self, symbol: str, minutes: int) -> list[tuple[dt.datetime, Candle]]:
        """Candles of the last so many minutes in which there were trades, the oldest first."""
        known = self._symbols.get(symbol)
        return sorted(known.candles.items())[-minutes:] if known else []
