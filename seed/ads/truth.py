"""What the trends should find, counted while the logs are made: each impression once, clicked or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seed.ads import market
from seed.ads.draw import HOUR, Block
from seed.ads.lines import hour_name
from seed.ads.market import Market, ad_name
from seed.draws import Bools, Ints

_ADS = [ad_name(ad) for ad in range(market.ADS)]
_HALVES = [f"{half} {ad}" for half in (1, 2) for ad in _ADS]
_HOURS = [f"{hour:02d}" for hour in range(24)]
_DEVICES = [name for name, *_ in market.DEVICES]
_POSITIONS = [str(place + 1) for place in range(len(market.POSITIONS))]


@dataclass
class Truth:
    """Counts so far. seen: impressions drawn, with those that were lost; lines: written to each log."""

    days: int
    seen: int = 0
    orphans: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    shown: dict[str, Counter[str]] = field(default_factory=dict)
    clicked: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        events, clicked = block.counted, block.clicked
        self.orphans += block.orphans
        self.seen += block.drawn
        hour = events.time // HOUR
        half = (2 * (hour // 24) >= self.days).astype(np.int64)
        self._count("ad", _ADS, events.ad, clicked)
        self._count("half and ad", _HALVES, half * market.ADS + events.ad, clicked)
        self._count("device", _DEVICES, events.device, clicked)
        self._count("position", _POSITIONS, events.position, clicked)
        self._count("hour of day", _HOURS, hour % 24, clicked)
        self._count("hour", [hour_name(h) for h in range(24 * self.days)], hour, clicked)

    def _count(self, dimension: str, names: Sequence[str], at: Ints, clicked: Bools) -> None:
        for total, chosen in ((self.shown, at), (self.clicked, at[clicked])):
            counts = np.bincount(chosen, minlength=len(names)).tolist()
            total.setdefault(dimension, Counter()).update(
                {name: count for name, count in zip(names, counts, strict=True) if count}
            )

    def as_json(self, of: Market) -> dict[str, Any]:
        """truth.json: by each dimension, impressions and clicked ones of each category."""
        return {
            "days": self.days,
            "lines": dict(self.lines),
            "impressions": sum(self.shown["ad"].values()),
            "clicked": sum(self.clicked["ad"].values()),
            "clicks_without_impression": self.orphans,
            "stories": {name: ad_name(ad) for name, ad in of.stories.items()},
            "peak_hour": f"{market.PEAK_HOUR:02d}",
            "by": {
                dimension: {name: [count, self.clicked[dimension][name]] for name, count in sorted(shown.items())}
                for dimension, shown in self.shown.items()
            },
        }
