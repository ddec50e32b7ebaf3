"""The arithmetic: percentiles, slopes, and how both are told."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of them do not exceed (nearest rank): one that was measured."""
    if not values or not 0 < percent <= 100:
        raise ValueError(f"{percent} % of {len(values)} values")
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how much y rises while x rises by one: the line of least squares. 0 where there is one x alone."""
    x, y = (statistics.fmean(values) for values in zip(*points, strict=True))
    spread = sum((at - x) ** 2 for at, _ in points)
    return sum((at - x) * (value - y) for at, value in points) / spread if spread else 0.0


def paired_ratio(base: Mapping[int, float], other: Mapping[int, float]) -> float:
    """How many times as much the base is: the median of the ratios of those that both have."""
    both = base.keys() & other.keys()
    if not both:
        raise ValueError("nothing in common")
    return statistics.median(base[each] / other[each] for each in both)


def milliseconds(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def p50_p99(seconds: Sequence[float]) -> tuple[str, str]:
    """Both in milliseconds."""
    return milliseconds(percentile(seconds, 50)), milliseconds(percentile(seconds, 99))


def rounds_of(count: int) -> str:
    return f"{count} round{'s' if count > 1 else ''}"
