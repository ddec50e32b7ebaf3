"""What is known of the ads before anything is drawn: who sees them where and when, and what makes people click.

The figures are the planted causes that the trends should find again. A click's chance is the product of its factors.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from seed.draws import Draws, Floats, Ints, Weights

FIRST_DAY = dt.date(2026, 6, 1)  # a Monday; the logs begin at its midnight, UTC
ADS = 40
BASE_RATE = 0.03  # clicks for an impression before any factor

# Name, share of the impressions, factor of the clicks.
DEVICES = (("phone", 62, 1.0), ("desktop", 27, 0.8), ("tablet", 9, 1.3), ("tv", 2, 0.1))
# From the top of the page down: share, factor.
POSITIONS = ((30, 1.5), (20, 1.1), (15, 0.8), (12, 0.6), (10, 0.5), (7, 0.4), (4, 0.3), (2, 0.25))
SITES = (("news", 40), ("sport", 25), ("weather", 18), ("recipes", 12), ("games", 5))
# Impressions by hour of the day, and how readily people click then: most in the evening, least before dawn.
VOLUME = (12, 8, 5, 4, 4, 6, 14, 28, 38, 40, 42, 46, 52, 48, 44, 44, 46, 52, 60, 70, 78, 72, 48, 26)
READINESS = (
    0.8, 0.7, 0.65, 0.6, 0.6, 0.65, 0.8, 0.9, 0.9, 0.85, 0.85, 0.95, 1.1, 1.0, 0.9, 0.9, 0.95, 1.05, 1.2, 1.35, 1.5,
    1.4, 1.2, 1.0,
)  # fmt: skip
PEAK_HOUR = 20

# The ads with a story, by their place in popularity: factor in the first half of the days, and in the second.
STORIES = {"fading": (1, 1.6, 0.4), "rising": (2, 0.5, 1.5), "best": (3, 3.0, 3.0), "worst": (4, 0.15, 0.15)}


@dataclass(frozen=True)
class Market:
    """The ads of one seed number. popularity: of ad 0 and on; factor: [half of the days, ad] of the clicks;
    stories: ad numbers by name.
    """

    popularity: Weights
    factor: Floats
    stories: dict[str, int]


def ad_name(ad: int) -> str:
    return f"ad-{ad + 1:03d}"


def make_market(seed: int) -> Market:
    """Popularity falls with the rank as word counts do (Zipf's law); which ad has which rank is drawn."""
    draws = Draws(seed, "ads")
    ranked: Ints = np.argsort(draws.words(ADS), kind="stable").astype(np.int64)
    weights = np.zeros(ADS, dtype=np.int64)
    weights[ranked] = [1_000_000 // (place + 1) for place in range(ADS)]
    usual = 0.75 + 0.5 * draws.unit(ADS)
    factor = np.stack([usual, usual])
    for place, *halves in STORIES.values():
        factor[:, ranked[place]] = halves
    stories = {name: int(ranked[place]) for name, (place, *_) in STORIES.items()}
    return Market(Weights(weights.tolist()), factor, stories)
