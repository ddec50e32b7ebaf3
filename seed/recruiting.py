"""Events and the contacts collected at them: some become students, some are students already, most go elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakelab.frames import polars as pl
from seed import names, school
from seed.careers import NONE
from seed.draws import Bools, Draws, Ints, Weights
from seed.people import Lives, Names, personal_emails
from seed.plan import Plan
from seed.text import Field, Lines, Numbered, Picked, as_lines, numbers, words

CONTACT_CHUNK = 40_000
_INTEREST = ("low", "medium", "high")
_STUDENTS_INTEREST, _OTHERS_INTEREST = Weights((8, 32, 60)), Weights((38, 42, 20))
_INITIALS = tuple(s[0] for s in names.FIRST_SMALL)
_KIND_WEIGHTS = Weights(school.RECRUITS)


@dataclass(frozen=True)
class Visits:
    """Students of a chunk met at an event: element of the chunk, place of the event; `before`: before joining."""

    student: Ints
    event: Ints
    before: Bools


def event_frame(plan: Plan) -> pl.DataFrame:
    """Table `events`."""
    events = plan.events
    order = np.argsort(events.ids, kind="stable")
    kinds, campuses = events.kind[order].tolist(), events.campus[order].tolist()
    cents = events.cents[order].tolist()
    return pl.DataFrame(
        {
            "id": events.ids[order],
            "name": [
                f"{school.EVENT_TITLES[k]} {school.CAMPUSES[c].name}" for k, c in zip(kinds, campuses, strict=True)
            ],
            "kind": [school.EVENT_KINDS[k] for k in kinds],
            "date": events.date[order].astype("datetime64[D]"),
            "campus_id": events.campus[order] + 1,
            "cost": [f"{c // 100}.{c % 100:02d}" for c in cents],
        }
    )


def _pick(plan: Plan, draws: Draws, campus: Ints, season: Ints, kind: Ints) -> Ints:
    """An event of that campus, season and kind for each; NONE where there was none."""
    known = (season >= 0) & (season < school.YEARS)
    s = np.clip(season, 0, school.YEARS - 1)
    count = plan.events.count[campus, s, kind]
    event = plan.events.start[campus, s, kind] + draws.below(count, len(campus))
    return np.where(known & (count > 0), event, NONE)


def draw_visits(plan: Plan, lives: Lives, chunk: int) -> Visits:
    """Who met the school where. Recruits came in the season before they joined, one in eight of them twice; a few
    students come to an event of their campus later, and that is no recruiting."""
    draws = Draws(plan.seed, "visits", chunk)
    size = len(lives.index)
    campus = lives.campus
    activity = school.scores("events")[campus]
    recruited = lives.has_mail & (draws.unit(size) < 0.24 + 0.02 * activity)
    first = _pick(plan, draws, campus, lives.year - 1, draws.weighted(_KIND_WEIGHTS, size))
    again = _pick(plan, draws, campus, lives.year - 1, draws.weighted(_KIND_WEIGHTS, size))
    again = np.where((draws.unit(size) < 0.12) & (again != first) & (first != NONE), again, NONE)
    later = _pick(plan, draws, campus, lives.year, draws.below(2, size))
    helps = lives.has_mail & (draws.unit(size) < 0.04) & (later != NONE)
    helps &= plan.events.date[later] > lives.join
    rows: list[tuple[Ints, Ints, Bools]] = []
    for event, chosen, before in (
        (first, recruited & (first != NONE), True), (again, recruited & (again != NONE), True), (later, helps, False),
    ):  # fmt: skip
        who = np.nonzero(chosen)[0]
        rows.append((who, event[who], np.full(len(who), before)))
    student, event, early = (np.concatenate(part) for part in zip(*rows, strict=True))
    order = np.argsort(student, kind="stable")
    return Visits(student[order], event[order], early[order])


def visit_lines(plan: Plan, who: Names, lives: Lives, same: Ints, visits: Visits, chunk: int, first_id: int) -> Lines:
    """Those rows of table `audiences` that are about students, under their private e-mails."""
    draws = Draws(plan.seed, "audiences", chunk)
    student, size = visits.student, len(visits.student)
    interest = draws.weighted(_STUDENTS_INTEREST, size)
    picked = Names(who.women[student], who.first[student], who.last[student])
    mails = personal_emails(picked, same[student], lives.domain[student], np.ones(size, dtype=np.bool_))
    return _lines(plan, first_id, visits.event, picked, mails, interest, np.full(size, NONE))


def contact_chunks(plan: Plan) -> int:
    """Number of chunks of contacts who never become students."""
    return -(-int(plan.events.lost.sum()) // CONTACT_CHUNK)


def contact_lines(plan: Plan, chunk: int, first_id: int) -> tuple[Lines, Ints]:
    """The contacts of a chunk who went elsewhere, and where each did (NONE: not known). `first_id`: key of the very
    first of them all."""
    draws = Draws(plan.seed, "contacts", chunk)
    ends = np.cumsum(plan.events.lost)
    index = np.arange(chunk * CONTACT_CHUNK, min(int(ends[-1]), (chunk + 1) * CONTACT_CHUNK), dtype=np.int64)
    size = len(index)
    event = np.searchsorted(ends, index, side="right").astype(np.int64)
    women = (draws.below(100, size) < 31).astype(np.int64)
    who = Names(women, names.draw_first(draws, women), names.draw_last(draws, size))
    told = draws.unit(size) < np.where(plan.events.date[event] < school.SEPTEMBER[-1], 0.3, 0.1)
    elsewhere = np.where(told, draws.weighted(school.COMPETITOR_WEIGHTS, size), NONE)
    domain = draws.weighted(names.MAIL_WEIGHTS, size)
    # An initial and a number: never the private e-mail of a student, which begins with a whole first name.
    mails = (
        Picked(words(_INITIALS), who.first),
        Picked(words(names.LAST_SMALL, "."), who.last),
        Picked(numbers(first_id + index, ".")),
        Picked(words(names.MAIL_DOMAINS, "@"), domain),
    )
    interest = draws.weighted(_OTHERS_INTEREST, size)
    return _lines(plan, first_id + chunk * CONTACT_CHUNK, event, who, mails, interest, elsewhere), elsewhere


def _lines(
    plan: Plan, first_id: int, event: Ints, who: Names, mails: tuple[Field, ...], interest: Ints, chosen: Ints
) -> Lines:
    fields: tuple[Field, ...] = (
        Numbered(first_id),
        Picked(numbers(plan.events.ids[event])),
        Picked(words(names.FIRST), who.first),
        Picked(words(names.LAST), who.last),
        *mails,
        Picked(words(_INTEREST), interest),
        Picked(words(school.COMPETITORS), chosen),
    )
    return as_lines(len(event), fields)
