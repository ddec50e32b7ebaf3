"""The trends of the ad logs as `hive/ads/3_trends.hql` writes them as text."""

from __future__ import annotations

import io
from dataclasses import dataclass

from lakelab.errors import LabError
from lakelab.storage import Storage


@dataclass(frozen=True)
class Trend:
    """One category of a dimension: impressions, how many of them were clicked, and that in percent."""

    dimension: str
    category: str
    impressions: int
    clicks: int
    click_rate: float

    @property
    def told(self) -> tuple[str, str, str, float]:
        return self.dimension, self.category, f"{self.impressions:,}", self.click_rate


def read_trends(storage: Storage, uri: str) -> list[Trend]:
    """All trends below an address, by dimension and category. LabError when there are none, or a line is no trend."""
    found: list[Trend] = []
    for stored in storage.list(uri):
        if stored.uri.rpartition("/")[2].startswith("_"):
            continue  # _SUCCESS of whoever wrote them
        with storage.open(stored.uri) as stream:
            found += [_trend(line, stored.uri) for line in io.TextIOWrapper(stream, encoding="utf-8")]
    if not found:
        raise LabError("no trends there", where=uri, fix="read the log of the step that writes them")
    return sorted(found, key=lambda trend: (trend.dimension, trend.category))


def _trend(line: str, uri: str) -> Trend:
    parts = line.rstrip("\n").split("\t")
    try:
        return Trend(parts[0], parts[1], int(parts[2]), int(parts[3]), float(parts[4]))
    except (IndexError, ValueError):
        raise LabError(f"not a trend: {line.strip()[:80]!r}", where=uri, fix="run the steps again") from None
