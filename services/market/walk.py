"""Prices that any one can compute for any moment: geometric Brownian motion by Lévy's construction.

The logarithm of a price is a Brownian path. Its value in the middle of an interval is the mean of those at the ends
plus a normal deviation whose variance is a quarter of the interval's length; so a moment is reached by halving, and
every deviation is drawn from a hash of seed number, symbol and place. Nothing is kept: a source that starts again, or
a second one, tells the same prices for the same moments.
https://en.wikipedia.org/wiki/Wiener_process#Wiener_representation (Lévy's midpoint construction)
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SPAN = 1 << 38  # milliseconds of the whole path: almost nine years
VOLATILITY = 0.35  # of a year, as a share of the price
DRIFT = 0.05
YEAR = 365.25 * 86_400_000  # milliseconds
SYMBOLS = {  # and their prices at EPOCH
    "SUPI": 104.0,
    "LAKE": 58.5,
    "HIVE": 17.2,
    "KAFK": 231.0,
    "NIFI": 9.6,
    "SPRK": 412.0,
    "DEBZ": 33.3,
    "AIRF": 76.4,
}
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Tick:
    """A trade. The same seed number, symbol and moment make the same tick, its id included."""

    event_id: str
    symbol: str
    price: float
    volume: int
    event_time: str


def price(seed: int, symbol: str, moment: int) -> float:
    """The price at a moment, in milliseconds since EPOCH."""
    years = moment / YEAR
    exponent = (DRIFT - VOLATILITY**2 / 2) * years + VOLATILITY * _brownian(seed, symbol, moment)
    return max(0.01, round(SYMBOLS[symbol] * math.exp(exponent), 2))


def _brownian(seed: int, symbol: str, moment: int) -> float:
    """The path's value at a moment, with the year as unit of time."""
    if not 0 <= moment <= SPAN:
        raise ValueError(f"{moment} is not within {SPAN} ms of {EPOCH:%Y-%m-%d}")
    left, right = 0, SPAN
    low, high = 0.0, _normal(seed, symbol, SPAN) * math.sqrt(SPAN / YEAR)
    while left < moment < right:
        middle = (left + right) // 2
        value = (low + high) / 2 + _normal(seed, symbol, middle) * math.sqrt((right - left) / YEAR) / 2
        if moment < middle:
            right, high = middle, value
        else:
            left, low = middle, value
    return low if moment == left else high


def _normal(seed: int, symbol: str, place: int) -> float:
    return _NORMAL.inv_cdf((_draw(seed, symbol, place) + 0.5) / 2**64)


def _draw(seed: int, symbol: str, place: int, what: str = "") -> int:
    text = f"{seed} {symbol} {place} {what}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def tick(seed: int, symbol: str, moment: int) -> Tick:
    """The trade of a symbol at a moment."""
    volume = 10 * (1 + int(-40 * math.log((_draw(seed, symbol, moment, "volume") + 1) / (2**64 + 1))))
    at = EPOCH + dt.timedelta(milliseconds=moment)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Tick(f"market-{seed}-{symbol}-{moment}", symbol, price(seed, symbol, moment), volume, stamp)


def ticks(seed: int, rate: float, begin: int, end: int) -> Iterator[Tick]:
    """All trades from `begin` to before `end`, in order: so many each second, the symbols in turn."""
    names = list(SYMBOLS)
    number = math.ceil(begin * rate / 1000)
    while (moment := int(number * 1000 / rate)) < end:
        if moment >= begin:
            yield tick(seed, names[number % len(names)], moment)
        number += 1
