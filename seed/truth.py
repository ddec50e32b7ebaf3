"""Planted facts: what the business questions should find, counted while the rows are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from seed import school
from seed.careers import DROPPED, GRADUATED, NONE, STATUSES
from seed.draws import Bools, Ints
from seed.people import Lives
from seed.plan import Plan
from seed.recruiting import Visits

Facts = dict[str, Counter[str]]
_KIND_NAMES = school.EVENT_KINDS
_CAMPUS_NAMES = tuple(c.name for c in school.CAMPUSES)
_YEAR_NAMES = tuple(str(school.FIRST_YEAR + y) for y in range(school.YEARS))


def _count(pool: tuple[str, ...], indexes: Ints) -> Counter[str]:
    """How often each word of the pool is pointed at; indexes of NONE are left out."""
    counted = np.bincount(indexes[indexes != NONE], minlength=len(pool)).tolist()
    found: Counter[str] = Counter()
    for word, n in zip(pool, counted, strict=True):
        found[word] += n
    return found


def _first_of_each(student: Ints, kind: Ints, chosen: Bools) -> Ints:
    """Kinds of event, each counted once for a student."""
    pairs = np.unique(student[chosen] * len(_KIND_NAMES) + kind[chosen])
    return np.asarray(pairs % len(_KIND_NAMES), dtype=np.int64)


def _last_of_each(plan: Plan, visits: Visits, kind: Ints) -> Ints:
    """Kind of each recruited student's last event before joining; of two on one day, the one of the higher key."""
    early = np.nonzero(visits.before)[0]
    student, event = visits.student[early], visits.event[early]
    order = np.lexsort((plan.events.ids[event], plan.events.date[event], student))
    student, last = student[order], kind[early][order]
    return last[np.r_[student[1:] != student[:-1], True]] if len(student) else last


def chunk_facts(plan: Plan, lives: Lives, visits: Visits) -> Facts:
    """The facts about one chunk of students."""
    kind = plan.events.kind[visits.event]
    contracts = np.nonzero(lives.company != NONE)[1]
    graduated = lives.status == GRADUATED
    hired = lives.hired != NONE
    firms, hires = np.unique(plan.companies.ids[lives.hired_by[hired]], return_counts=True)
    return {
        "students_by_status": _count(STATUSES, lives.status),
        "students_by_campus": _count(_CAMPUS_NAMES, lives.campus),
        "students_by_region": _count(school.REGIONS, school.REGION_OF[lives.campus]),
        "students_by_intake_year": _count(_YEAR_NAMES, lives.year),
        "drop_outs_by_reason": _count(school.EXIT_REASONS, lives.reason),
        "drop_outs_by_campus": _count(_CAMPUS_NAMES, lives.campus[lives.status == DROPPED]),
        "students_lost_to_school": _count(school.COMPETITORS, lives.competitor),
        "contracts_by_region": _count(school.REGIONS, school.REGION_OF[lives.campus[contracts]]),
        "recruited_by_kind": _count(_KIND_NAMES, _first_of_each(visits.student, kind, visits.before)),
        "recruited_by_last_event_kind": _count(_KIND_NAMES, _last_of_each(plan, visits, kind)),
        "hires_by_company_id": Counter({str(i): n for i, n in zip(firms.tolist(), hires.tolist(), strict=True)}),
        "single": Counter(
            recruited_students=len(np.unique(visits.student[visits.before])),
            contacts_of_recruited_students=int(visits.before.sum()),
            contacts_met_after_joining=int((~visits.before).sum()),
            graduates=int(graduated.sum()),
            graduates_hired=int(hired.sum()),
            graduates_hired_before_leaving=int((hired & (lives.hired < lives.left)).sum()),
        ),
    }


def count_lost(chosen: Ints) -> Counter[str]:
    """How many chose each competing school (NONE is left out), in the order of the first to choose it."""
    found, first, counted = np.unique(chosen[chosen != NONE], return_index=True, return_counts=True)
    return Counter({school.COMPETITORS[found[i]]: int(counted[i]) for i in np.argsort(first).tolist()})


def merge(total: Facts, part: Mapping[str, Counter[str]]) -> None:
    """Adds the facts of a part to the total."""
    for name, counted in part.items():
        kept = total.setdefault(name, Counter())
        for key, n in counted.items():
            kept[key] += n


def as_json(plan: Plan, total: Facts, rows: Mapping[str, int], companies: Mapping[str, str]) -> dict[str, Any]:
    """truth.json. companies: names by key, as text. Everything is about the clean rows alone."""
    hires = total["hires_by_company_id"]
    best = sorted(hires, key=lambda key: (-hires[key], companies[key]))[:5]
    counted = {k: dict(v) for k, v in total.items() if k not in ("single", "hires_by_company_id")}
    return {
        "seed": plan.seed, "as_of": school.AS_OF.isoformat(), "rows": dict(rows), **dict(total["single"]), **counted,
        "hires_by_company_top_5": [{"company": companies[key], "hires": hires[key]} for key in best],
    }  # fmt: skip
