"""Events as JSON lines, such as a web server's log shipper writes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seed.ads import market
from seed.ads.draw import HOUR, Clicks, Impressions
from seed.draws import Ints, Words
from seed.text import Bytes, Field, Picked, Texts, as_lines, texts_of

_HEX = np.array([f"{n:02x}".encode() for n in range(256)], dtype="S2").view("<u2")
_SECONDS = texts_of([f"{n // 60:02d}:{n % 60:02d}." for n in range(3600)])
_THOUSANDTHS = texts_of([f'{n:03d}Z"' for n in range(1000)])


@dataclass(frozen=True)
class Constant:
    """The same text in every row."""

    text: bytes

    @property
    def width(self) -> int:
        return len(self.text)

    def put(self, block: Bytes, start: int, rows: slice) -> None:
        block[:, start : start + self.width] = np.frombuffer(self.text, dtype=np.uint8)


@dataclass(frozen=True)
class Hexadecimal:
    """Whole numbers of 64 bits as 16 hexadecimal digits."""

    values: Words
    width: int = 16

    def put(self, block: Bytes, start: int, rows: slice) -> None:
        digits = _HEX.take(self.values[rows].astype(">u8").view(np.uint8))
        block[:, start : start + self.width] = digits.view(np.uint8).reshape(len(block), self.width)


def impression_lines(events: Impressions) -> bytes:
    """{"impression_id": …, "event_time": …, "ad_id": …, "device": …, "position": …, "site": …}, one a line."""
    fields: list[Field] = [
        Constant(b'{"impression_id":"'), Hexadecimal(events.id), *_times(events.time),
        Picked(_ads(), events.ad), Picked(_devices(), events.device),
        Picked(_positions(), events.position), Picked(_sites(), events.site),
    ]  # fmt: skip
    return b"".join(as_lines(len(events), fields))


def click_lines(events: Clicks) -> bytes:
    """{"click_id": …, "impression_id": …, "event_time": …}, one a line."""
    fields: list[Field] = [
        Constant(b'{"click_id":"'), Hexadecimal(events.id),
        Constant(b'","impression_id":"'), Hexadecimal(events.impression), *_times(events.time), Constant(b"}"),
    ]  # fmt: skip
    return b"".join(as_lines(len(events), fields))


@lru_cache(maxsize=10_000)
def hour_name(hour: int) -> str:
    """2026-06-01-13 for the thirteenth hour since the first midnight."""
    return f"{_moment(hour):%Y-%m-%d-%H}"


def _moment(hour: int) -> dt.datetime:
    return dt.datetime.combine(market.FIRST_DAY, dt.time()) + dt.timedelta(hours=hour)


@lru_cache(maxsize=10_000)
def _hour_text(hour: int) -> str:
    return f'","event_time":"{_moment(hour):%Y-%m-%dT%H}:'


def _times(time: Ints) -> list[Field]:
    """The rest of an id's quotes, and "event_time" in ISO 8601."""
    hours, first = time // HOUR, int(time.min(initial=0)) // HOUR
    inside = time - hours * HOUR
    names = texts_of(_hour_text(hour) for hour in range(first, int(hours.max(initial=first)) + 1))
    return [Picked(names, hours - first), Picked(_SECONDS, inside // 1000), Picked(_THOUSANDTHS, inside % 1000)]


def _named(name: str, values: Sequence[str], end: str = "") -> Texts:
    return texts_of([f',"{name}":"{value}"{end}' for value in values])


@lru_cache
def _ads() -> Texts:
    return _named("ad_id", [market.ad_name(ad) for ad in range(market.ADS)])


@lru_cache
def _devices() -> Texts:
    return _named("device", [name for name, *_ in market.DEVICES])


@lru_cache
def _positions() -> Texts:
    return texts_of([f',"position":{place + 1}' for place in range(len(market.POSITIONS))])


@lru_cache
def _sites() -> Texts:
    return _named("site", [name for name, _ in market.SITES], "}")
