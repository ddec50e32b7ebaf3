"""Forecast of yearly counts: a damped trend of their logarithms, with intervals and a back-test against naive.

The model: least squares of log(count) on the year, over all years known. Past the last year the yearly growth is
damped (each further year grows by DAMPING times the growth before), since no school grows for ever. The interval
is the usual prediction interval of a regression line, which widens with distance from the known years, taken back
from logarithms. It assumes that years differ from the trend independently and in like proportion.
Sources: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., 7.5 (interval), 8.2 (damping)
and 5.10 (rolling origin); Abramowitz & Stegun 26.7.5 (quantile of Student's t).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

DAMPING = 0.9
SHORTEST = 4  # years needed to fit: two parameters and two degrees of freedom
HORIZON = 3  # years forecast


@dataclass(frozen=True)
class Point:
    """A forecast `ahead` years past the last known one; low and high bound the 80% and 95% intervals."""

    ahead: int
    value: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float


@dataclass(frozen=True)
class BackTest:
    """Mean absolute errors of one-year-ahead forecasts, in the unit of the counts; `origins` years were tried."""

    origins: int
    model: float
    naive: float


def forecast(counts: Sequence[float], horizon: int = HORIZON) -> list[Point]:
    """Forecast the years after `counts` (one value per year, oldest first); empty for fewer than SHORTEST years."""
    n = len(counts)
    if n < SHORTEST:
        return []
    logs = [math.log(max(count, 0.5)) for count in counts]  # a year without students has no logarithm
    middle, mean = (n - 1) / 2, fmean(logs)
    spread = sum((x - middle) ** 2 for x in range(n))
    slope = sum((x - middle) * (y - mean) for x, y in enumerate(logs)) / spread
    residuals = [y - mean - slope * (x - middle) for x, y in enumerate(logs)]
    deviation = math.sqrt(sum(r * r for r in residuals) / (n - 2))
    points, level = [], mean + slope * (n - 1 - middle)
    for ahead in range(1, horizon + 1):
        level += slope * DAMPING**ahead
        error = deviation * math.sqrt(1 + 1 / n + (n - 1 + ahead - middle) ** 2 / spread)
        t80, t95 = (student_t(p, n - 2) * error for p in (0.90, 0.975))
        bounds = (math.exp(level + distance) for distance in (0, -t80, t80, -t95, t95))
        points.append(Point(ahead, *bounds))
    return points


def back_test(counts: Sequence[float]) -> BackTest | None:
    """Forecast each year from the years before it alone, and compare with repeating the last year.

    None where no year has SHORTEST years before it.
    """
    origins = range(SHORTEST, len(counts))
    if not origins:
        return None
    model = fmean(abs(forecast(counts[:i], 1)[0].value - counts[i]) for i in origins)
    naive = fmean(abs(counts[i - 1] - counts[i]) for i in origins)
    return BackTest(len(origins), model, naive)


def student_t(probability: float, freedom: int) -> float:
    """Quantile of Student's t: exact for 1 and 2 degrees of freedom, else an expansion good to 0.5%."""
    p = 2 * probability - 1
    if freedom == 1:
        return math.tan(math.pi * p / 2)
    if freedom == 2:
        return p * math.sqrt(2 / (1 - p * p))
    z, v = NormalDist().inv_cdf(probability), freedom
    terms = (
        z,
        (z**3 + z) / (4 * v),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4),
    )
    return sum(terms)
