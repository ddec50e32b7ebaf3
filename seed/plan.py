"""What is settled before the students are drawn: how many join where and when, classes, staff, events.

All of it is small, whatever the number of students; each worker builds it again from the same two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lakelab.catalogue import LEVELS
from seed import school
from seed.draws import Bools, Draws, Ints, Weights, apportion

CLASS_SIZE = 40  # places in a class at its start; drop-outs leave some of them empty
LESSONS = 18  # lessons of a class in a year
_CAMPUSES, _YEARS, _LEVELS, _KINDS = len(school.CAMPUSES), school.YEARS, len(LEVELS), len(school.EVENT_KINDS)


@dataclass(frozen=True)
class Cohorts:
    """Students who join one campus together: one element each, in the order of joining.

    campus: index; year: academic year; january: 1 for the second intake; entry: level; first: index of the first
    student; places: [cohort, year], where the cohort's places begin among all of its campus, year and level.
    """

    campus: Ints
    year: Ints
    january: Ints
    entry: Ints
    first: Ints
    places: Ints


@dataclass(frozen=True)
class Events:
    """Events by campus, season and kind. `ids`: [event], counted from 1 by date; `start`, `count`: [campus, year,
    kind] give the slice of the events of one kind; `lost`: contacts of the event who never become students."""

    ids: Ints
    date: Ints
    campus: Ints
    kind: Ints
    cents: Ints
    lost: Ints
    start: Ints
    count: Ints


@dataclass(frozen=True)
class Companies:
    """Companies sorted by region. `ids`: [place], the key; `first`, `total`: [region], sums of the hiring
    weights before the region and in it; `weights`: those of all."""

    ids: Ints
    region: Ints
    employees: Ints
    weights: Weights
    first: Ints
    total: Ints


@dataclass(frozen=True)
class Plan:
    """intake: [campus, year] students who join. sections: [campus, year, level] classes; lesson_base: lessons
    before them. staff: [campus, year] professors in service; staff_base: [campus] professors before."""

    students: int
    seed: int
    cohorts: Cohorts
    intake: Ints
    sections: Ints
    lesson_base: Ints
    lessons: int
    staff: Ints
    staff_base: Ints
    capacity: Ints
    companies: Companies
    events: Events


def _cells(students: int, seed: int) -> list[tuple[int, int, int, int, int]]:
    """(year, january, campus, entry, count) of each cohort that is not empty."""
    noise = Draws(seed, "plan").below(13, _CAMPUSES * _YEARS).tolist()
    keys: list[tuple[int, int, int, int]] = []
    weights: list[int] = []
    for year in range(_YEARS):
        for january in (0, 1):
            for c, campus in enumerate(school.CAMPUSES):
                if campus.opened.year > school.FIRST_YEAR + year:
                    continue
                pull = campus.youth * campus.share * (4 + campus.events) * (4 + campus.companies)
                growth = school.GROWTH[year] * (school.TROUBLE_GROWTH[year] if campus.trouble else 100)
                for entry, part in school.ENTRIES[january]:
                    keys.append((year, january, c, entry))
                    weights.append(pull * growth * (94 + noise[c * _YEARS + year]) * part)
    counts = apportion(students, weights)
    return [(*key, n) for key, n in zip(keys, counts, strict=True) if n]


def _cohorts(students: int, seed: int) -> tuple[Cohorts, Ints, Ints]:
    """The cohorts, the intake by campus and year, and the places by campus, year and level."""
    cells = _cells(students, seed)
    year, january, campus, entry, count = (np.array(c, dtype=np.int64) for c in zip(*cells, strict=True))
    places = np.zeros((len(cells), _YEARS), dtype=np.int64)
    filled = np.zeros((_CAMPUSES, _YEARS, _LEVELS), dtype=np.int64)
    intake = np.zeros((_CAMPUSES, _YEARS), dtype=np.int64)
    for i, (y0, _, c, level, n) in enumerate(cells):
        intake[c, y0] += n
        for y in range(y0, min(_YEARS, y0 + _LEVELS - level)):
            places[i, y] = filled[c, y, level + y - y0]
            filled[c, y, level + y - y0] += n
    first = np.cumsum(count) - count
    return Cohorts(campus, year, january, entry, first, places), intake, filled


def _companies(students: int, seed: int) -> Companies:
    draws = Draws(seed, "companies")
    strength = [0] * len(school.REGIONS)
    youth = [0] * len(school.REGIONS)
    for campus in school.CAMPUSES:
        r = school.REGIONS.index(campus.region)
        strength[r], youth[r] = max(strength[r], campus.companies), campus.youth
    size = min(4000, max(90, students // 40))
    counts = [n + 2 for n in apportion(size, [s * s * y for s, y in zip(strength, youth, strict=True)])]
    region = np.repeat(np.arange(len(counts)), counts)
    rank = np.concatenate([np.arange(n) for n in counts])
    weights = Weights((1_000_000 // (rank + 3)).tolist())
    ends = np.cumsum(counts)
    first = np.array([0, *(int(weights.ends[e - 1]) for e in ends[:-1])], dtype=np.int64)
    total = weights.ends[ends - 1] - first
    employees = 12_000 // (rank + 1) + 8 + draws.below(40 + 2000 // (rank + 1), len(rank))
    ids = np.empty(len(rank), dtype=np.int64)
    ids[np.argsort(draws.words(len(rank)), kind="stable")] = np.arange(1, len(rank) + 1)
    return Companies(ids, region, employees, weights, first, total)


def _event_counts(scale: int) -> Ints:
    """[campus, season, kind]: events of each kind. The season before a campus opens is its first."""
    count = np.zeros((_CAMPUSES, _YEARS, _KINDS), dtype=np.int64)
    for c, campus in enumerate(school.CAMPUSES):
        opening = max(0, campus.opened.year - school.FIRST_YEAR - 1)
        for k, (least, step) in enumerate(school.PER_YEAR):
            count[c, opening:, k] = scale * (least + campus.events // step)
    return count


def _lost_contacts(intake: Ints, count: Ints, draws: Draws, where: tuple[Ints, Ints, Ints]) -> Ints:
    """Contacts of each event who go elsewhere: so many that the kinds convert as planned."""
    campus, season, kind = where
    joining = intake[campus, np.minimum(season + 1, _YEARS - 1)]
    activity = np.array([c.events for c in school.CAMPUSES], dtype=np.int64)[campus]
    conversion = np.array(school.CONVERSION, dtype=np.int64)[kind]
    recruits = joining * (24 + 2 * activity) * np.array(school.RECRUITS, dtype=np.int64)[kind]
    # Ten thousandths of a contact per event, with a quarter more or less from one event to the next.
    share = recruits * (1000 - conversion) // (conversion * count[campus, season, kind])
    share = share * (75 + draws.below(51, len(share))) // 100
    return (share + draws.below(10_000, len(share))) // 10_000


def _events(students: int, seed: int, intake: Ints) -> Events:
    draws = Draws(seed, "events")
    count = _event_counts(max(1, students // 20_000))
    campus, season, kind = (np.repeat(axis.ravel(), count.ravel()) for axis in np.indices(count.shape))
    size = len(campus)
    date = school.OCTOBER[season] + draws.below(240, size)
    date = np.where(kind < 2, date - (date + 5) % 7, date)  # open days and fairs are on Saturdays
    date = np.maximum(date, school.OCTOBER[season])
    low, high = (np.array(c, dtype=np.int64)[kind] for c in zip(*school.COST, strict=True))
    cents = low * 100 + draws.below((high - low) * 100, size)
    lost = _lost_contacts(intake, count, draws, (campus, season, kind))
    ids = np.empty(size, dtype=np.int64)
    ids[np.argsort(date, kind="stable")] = np.arange(1, size + 1)
    start = (np.cumsum(count.ravel()) - count.ravel()).reshape(count.shape)
    return Events(ids, date, campus, kind, cents, lost, start, count)


def _capacity(filled: Ints) -> Ints:
    """Seats: those that this year's classes need at the occupancy meant for each campus, in steps of five."""
    occupancy = np.array([c.occupancy for c in school.CAMPUSES], dtype=np.int64)
    lately = filled[:, -1, :].sum(axis=1) * 84  # about one place in six is empty after drop-outs
    seats: Ints = np.maximum(15, (lately // occupancy + 4) // 5 * 5)
    return seats


@lru_cache(maxsize=2)
def make_plan(students: int, seed: int) -> Plan:
    """The plan for so many students. The same two numbers always give the same plan."""
    cohorts, intake, filled = _cohorts(students, seed)
    sections = -(-filled // CLASS_SIZE)
    lessons = sections.ravel() * LESSONS
    staff = np.maximum.accumulate(2 + sections.sum(axis=2) // 2, axis=1)
    closed: Bools = np.array(
        [[c.opened.year > school.FIRST_YEAR + y for y in range(_YEARS)] for c in school.CAMPUSES], dtype=np.bool_
    )
    staff[closed] = 0
    return Plan(
        students, seed, cohorts, intake, sections,
        (np.cumsum(lessons) - lessons).reshape(sections.shape), int(lessons.sum()),
        staff, np.cumsum(staff[:, -1]) - staff[:, -1], _capacity(filled),
        _companies(students, seed), _events(students, seed, intake),
    )  # fmt: skip
