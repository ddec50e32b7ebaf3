"""Drawing impressions and their clicks: one block of an hour at a time, each from random streams of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from seed.ads import market
from seed.ads.market import Market
from seed.draws import Bools, Draws, Floats, Ints, Weights, Words, scattered

HOUR = 3_600_000  # milliseconds
BLOCK = 50_000  # impressions drawn at once: about 30 MB, whatever the size of the logs

LATE, LATE_CLICKS = 0.015, 0.04  # shares that come with a later hour's file
MOST_HOURS_LATE = 30
AGAIN, AGAIN_CLICKS = 0.01, 0.02  # shares that are sent a second time
TWICE = 0.03  # clicks that a second one follows, with an id of its own
LOST = 0.002  # impressions that never reached the log, though their clicks did
SLOWEST_CLICK = 1_800_000  # milliseconds

_DEVICES = Weights([share for _, share, _ in market.DEVICES])
_POSITIONS = Weights([share for share, _ in market.POSITIONS])
_SITES = Weights([share for _, share in market.SITES])
_DEVICE_FACTOR = np.array([factor for *_, factor in market.DEVICES])
_POSITION_FACTOR = np.array([factor for _, factor in market.POSITIONS])


@dataclass(frozen=True)
class Events:
    """Lines of one of the logs. time: milliseconds since the first midnight; arrived: the hour of their file."""

    id: Words
    time: Ints
    arrived: Ints

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Impressions(Events):
    ad: Ints
    device: Ints
    position: Ints
    site: Ints


@dataclass(frozen=True)
class Clicks(Events):
    impression: Words


E = TypeVar("E", bound=Events)


@dataclass(frozen=True)
class Block:
    """What one block adds to the logs, and what of it counts: impressions once each, and which were clicked.

    hour: since the first midnight.  drawn: impressions, with those that were lost.  orphans: clicks of those.
    """

    hour: int
    drawn: int
    impressions: Impressions
    clicks: Clicks
    counted: Impressions
    clicked: Bools
    orphans: int


def draw_block(of: Market, seed: int, hour: int, days: int, first: int, size: int) -> Block:
    """`size` impressions of the hour, counted from the first midnight on. first: number of the first one of all."""
    draws = Draws(seed, "impressions", first)
    time = hour * HOUR + draws.below(HOUR, size)
    seen = Impressions(
        scattered(np.arange(first, first + size), 2 * seed + 1),
        time,
        np.full(size, hour),
        draws.weighted(of.popularity, size),
        draws.weighted(_DEVICES, size),
        draws.weighted(_POSITIONS, size),
        draws.weighted(_SITES, size),
    )
    clicked = draws.unit(size) < chances(of, seen, hour, days)
    lost = draws.unit(size) < LOST
    clicks = _clicks(draws, seed, seen, np.nonzero(clicked)[0])
    kept = np.nonzero(~lost)[0]
    counted = taken(seen, kept)
    sent = _sent(draws, counted, LATE, AGAIN)
    return Block(hour, size, sent, clicks, counted, clicked[kept], int((clicked & lost).sum()))


def chances(of: Market, seen: Impressions, hour: int, days: int) -> Floats:
    """Of each impression to be clicked."""
    half = int(2 * (hour // 24) >= days)
    rate = market.BASE_RATE * market.READINESS[hour % 24] * of.factor[half][seen.ad]
    found: Floats = rate * _DEVICE_FACTOR[seen.device] * _POSITION_FACTOR[seen.position]
    return np.minimum(found, 0.95)


def _clicks(draws: Draws, seed: int, seen: Impressions, at: Ints) -> Clicks:
    """The clicks' lines. Most follow within seconds, some after half an hour."""
    size = len(at)
    wait = draws.unit(size)
    time = seen.time[at] + 400 + (wait * wait * wait * wait * SLOWEST_CLICK).astype(np.int64)
    first = Clicks(scattered(seen.id[at].astype(np.int64), 2 * seed + 2), time, time // HOUR, seen.id[at])
    second = np.nonzero(draws.unit(size) < TWICE)[0]
    later = first.time[second] + 250 + draws.below(1_500, len(second))
    again = Clicks(scattered(first.id[second].astype(np.int64), 3), later, later // HOUR, first.impression[second])
    return _sent(draws, joined(first, again), LATE_CLICKS, AGAIN_CLICKS)


def _sent(draws: Draws, events: E, late: float, again: float) -> E:
    """The lines of these events: some come hours late, some a second time."""
    size = len(events)
    # Short delays are the usual ones: a small number squared stays small.
    delay = draws.unit(size)
    hours = 1 + (delay * delay * MOST_HOURS_LATE).astype(np.int64)
    arrived = events.arrived + np.where(draws.unit(size) < late, hours, 0)
    copied = np.nonzero(draws.unit(size) < again)[0]
    once = moved(events, arrived)
    copies = moved(taken(events, copied), arrived[copied] + draws.below(3, len(copied)))
    return joined(once, copies)


def moved(events: E, arrived: Ints) -> E:
    return type(events)(**{**_columns(events), "arrived": arrived})


def taken(events: E, at: Ints) -> E:
    return type(events)(**{name: column[at] for name, column in _columns(events).items()})


def joined(one: E, other: E) -> E:
    more = _columns(other)
    return type(one)(**{name: np.concatenate([column, more[name]]) for name, column in _columns(one).items()})


def _columns(events: Events) -> dict[str, Any]:
    return {field.name: getattr(events, field.name) for field in fields(events)}
