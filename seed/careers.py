"""Work and study: contracts of apprentices, and the first jobs of graduates."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from seed import school, text
from seed.draws import Draws, Floats, Ints
from seed.plan import Plan
from seed.text import Picked, Texts

NONE = -1  # no date, no company, no reason
ENROLLED, GRADUATED, DROPPED = 0, 1, 2
STATUSES = ("enrolled", "graduated", "dropped_out")
_DAY_0, _DAYS = -11_000, 33_000  # the days that can be written: 1939 to 2030
# Days from leaving to the first job, at twelve equal steps of probability.
_DAYS_TO_JOB = np.array([3, 14, 27, 41, 57, 76, 98, 126, 160, 204, 268, 370, 600], dtype=np.float64)


def contracts(
    plan: Plan, draws: Draws, who: tuple[Ints, Ints, Ints, Ints, Ints], shift: Floats
) -> tuple[Ints, Ints, Ints]:
    """Work-study contracts, one for a year from BSC3 on: company, start, end, each [level - 2, student]."""
    campus, year, entry, join, last = who
    size = len(campus)
    region = school.REGION_OF[campus]
    likely = 0.12 + 0.05 * school.scores("companies")[campus] + 0.006 * shift
    keen = draws.unit(size)
    firms = plan.companies
    company = np.full((3, size), NONE, dtype=np.int64)
    start, end = company.copy(), company.copy()
    for row, (level, share, keep) in enumerate(((2, 0.45, 0.0), (3, 0.8, 0.6), (4, 1.0, 0.8))):
        local = firms.first[region] + draws.below(firms.total[region], size)
        anywhere = draws.below(firms.weights.total, size)
        drawn = np.where(draws.unit(size) < 0.85, local, anywhere)
        before = company[max(0, row - 1)]
        stays = (draws.unit(size) < keep) & (before != NONE)
        y = year + level - entry
        known = (y >= 0) & (y < school.YEARS) & (level >= entry)
        y = np.clip(y, 0, school.YEARS - 1)
        first = np.maximum(school.SEPTEMBER[y] + 14 + draws.below(45, size), join + 7)
        final = np.minimum(school.JUNE_END[y], last)
        signed = known & (keen < likely * share) & (final >= first + 45)
        company[row][signed] = np.where(stays[signed], before[signed], firms.weights.find(drawn[signed]))
        start[row][signed], end[row][signed] = first[signed], final[signed]
    return company, start, end


def hires(
    plan: Plan, draws: Draws, who: tuple[Ints, Ints, Ints, Ints], shift: Floats, company: Ints
) -> tuple[Ints, Ints]:
    """First job of the graduates: day and place of the company, NONE where there is none yet."""
    campus, status, left, end_level = who
    size = len(campus)
    region = school.REGION_OF[campus]
    last_firm = np.take_along_axis(company, (end_level - 2)[None, :], axis=0)[0]
    kept = (last_firm != NONE) & (draws.unit(size) < 0.34 + 0.01 * shift)
    firms = plan.companies
    local = firms.first[region] + draws.below(firms.total[region], size)
    anywhere = draws.below(firms.weights.total, size)
    drawn = np.where(draws.unit(size) < 0.75, local, anywhere)
    steps = draws.unit(size) * 12.0
    step = steps.astype(np.int64)
    days = _DAYS_TO_JOB[step] + (_DAYS_TO_JOB[step + 1] - _DAYS_TO_JOB[step]) * (steps - step)
    slow = np.clip(1.2 - 0.03 * shift, 0.4, 2.2) * (1.25 - 0.04 * school.scores("companies")[campus])
    slow = slow * np.where(last_firm != NONE, 0.6, 1.0)
    hired = np.where(kept, left - draws.below(75, size), left + 1 + (days * slow).astype(np.int64))
    never = ~kept & (draws.unit(size) < 0.04)
    none = (status != GRADUATED) | never | (hired > school.TODAY)
    firm = np.where(none, NONE, last_firm)
    new = ~none & ~kept
    firm[new] = firms.weights.find(drawn[new])
    return np.where(none, NONE, hired), firm


def dates(days: Ints) -> Picked:
    """These days since 1970-01-01, after a comma; NONE gives NULL."""
    return Picked(_day_texts(), np.where(days == NONE, NONE, days - _DAY_0))


@lru_cache(maxsize=1)
def _day_texts() -> Texts:
    return text.days(_DAY_0, _DAYS)
