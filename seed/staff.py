"""The small tables: campuses, companies, subjects, professors."""

from __future__ import annotations

import datetime as dt

import numpy as np

from lakelab.frames import polars as pl
from seed import names, school
from seed.careers import dates
from seed.draws import Draws, Ints
from seed.people import CAMPUS_KEYS, school_emails
from seed.plan import Plan
from seed.text import Field, Lines, Numbered, Picked, as_lines, words


def campus_frame(plan: Plan) -> pl.DataFrame:
    """Table `campuses`."""
    campuses = school.CAMPUSES
    return pl.DataFrame(
        {
            "id": range(1, len(campuses) + 1),
            "name": [c.name for c in campuses],
            "city": [c.name for c in campuses],
            "region": [c.region for c in campuses],
            "opened_on": [c.opened for c in campuses],
            "capacity": plan.capacity,
            "youth_population": [c.youth for c in campuses],
        }
    )


def subject_frame() -> pl.DataFrame:
    """Table `subjects`."""
    return pl.DataFrame(
        {
            "id": school.SUBJECT_CODES,
            "name": [name for _, name in school.SUBJECTS],
            "level": [school.level_of(code) for code in school.SUBJECT_CODES],
        }
    )


def _company_names(draws: Draws, size: int) -> list[str]:
    """Names that differ: the form is Faker's (Martin SA, Martin Petit SARL), a taken name is drawn again longer."""
    form, first, second, suffix = (
        draws.below(limit, size).tolist()
        for limit in (3, len(names.LAST), len(names.LAST), len(names.COMPANY_SUFFIXES))
    )
    taken: set[str] = set()
    found: list[str] = []
    for f, a, b, s in zip(form, first, second, suffix, strict=True):
        one, two, end = names.LAST[a], names.LAST[b], names.COMPANY_SUFFIXES[s]
        tries = [one, f"{one} {end}", f"{one} {two} {end}", f"{one} & {two}"][f:]
        name = next((t for t in tries if t not in taken), f"{one} {two} {len(found) + 1}")
        taken.add(name)
        found.append(name)
    return found


def company_frame(plan: Plan) -> pl.DataFrame:
    """Table `companies`."""
    firms = plan.companies
    order = np.argsort(firms.ids, kind="stable")
    size = len(order)
    draws = Draws(plan.seed, "company names")
    regions = [school.REGIONS[r] for r in firms.region[order].tolist()]
    cities = [[c.name for c in school.CAMPUSES if c.region == region] for region in regions]
    which = draws.below(100, size).tolist()
    return pl.DataFrame(
        {
            "id": firms.ids[order],
            "name": _company_names(draws, size),
            "sector": [school.SECTORS[s] for s in draws.weighted(school.SECTOR_WEIGHTS, size).tolist()],
            "city": [c[w % len(c)] for c, w in zip(cities, which, strict=True)],
            "region": regions,
            "employees": firms.employees[order],
        }
    )


def _first_days(plan: Plan, campus: Ints, place: Ints, draws: Draws) -> Ints:
    """The summer in which the staff grew up to this professor; some year since the opening for the first ones."""
    year = (plan.staff[campus] <= place[:, None]).sum(axis=1)
    summer = school.SEPTEMBER[year] - 1 - draws.below(60, len(campus))
    opened = np.array([school.day(c.opened) for c in school.CAMPUSES], dtype=np.int64)[campus]
    since = np.maximum(opened, school.day(dt.date(1998, 9, 1)))
    earlier = since + draws.below(np.maximum(1, school.SEPTEMBER[0] - since), len(campus))
    return np.where(year == 0, earlier, summer)


def professor_lines(plan: Plan) -> Lines:
    """Table `professors`; those of a campus have successive keys, in the order in which they were needed."""
    draws = Draws(plan.seed, "professors")
    count = plan.staff[:, -1]
    campus = np.repeat(np.arange(len(count)), count)
    size = len(campus)
    place = np.arange(size) - plan.staff_base[campus]
    women = (draws.below(100, size) < 35).astype(np.int64)
    first, last = names.draw_first(draws, women), names.draw_last(draws, size)
    fields: tuple[Field, ...] = (
        Numbered(1),
        Picked(words(names.FIRST), first),
        Picked(words(names.LAST), last),
        *school_emails(first, last, ranks(first * len(names.LAST) + last), "prof.supinfo.com"),
        Picked(words(CAMPUS_KEYS), campus),
        dates(_first_days(plan, campus, place, draws)),
    )
    return as_lines(size, fields)


def ranks(keys: Ints) -> Ints:
    """For each element, how many equal ones come before it."""
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]
    new = np.r_[True, in_order[1:] != in_order[:-1]]
    starts = np.nonzero(new)[0]
    result = np.empty(len(keys), dtype=np.int64)
    result[order] = np.arange(len(keys)) - starts[np.cumsum(new) - 1]
    return result
