"""Events and the contacts collected at them: some become students, some are students already, most go elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from seed import names, school
from seed.careers import NONE, dates
from seed.draws import Bools, Draws, Ints, cumulated
from seed.people import Lives, Names, personal_emails
from seed.plan import Plan

CONTACT_CHUNK = 40_000
_INTEREST = ("low", "medium", "high")
_KIND_WEIGHTS = cumulated(school.RECRUITS)


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
            "date": dates(events.date[order]),
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


def visit_frame(
    plan: Plan, who: Names, lives: Lives, same: Ints, visits: Visits, chunk: int, first_id: int
) -> pl.DataFrame:
    """Those rows of table `audiences` that are about students, under their private e-mails."""
    draws = Draws(plan.seed, "audiences", chunk)
    student, size = visits.student, len(visits.student)
    interest = draws.weighted(cumulated((8, 32, 60)), size)
    picked = Names(who.women[student], who.first[student], who.last[student])
    return _frame(
        first_id, plan.events.ids[visits.event], picked,
        personal_emails(picked, same[student], lives.domain[student]), interest, np.full(size, NONE),
    )  # fmt: skip


def contact_chunks(plan: Plan) -> int:
    """Number of chunks of contacts who never become students."""
    return -(-int(plan.events.lost.sum()) // CONTACT_CHUNK)


def contact_frame(plan: Plan, chunk: int, first_id: int) -> pl.DataFrame:
    """The contacts of a chunk who went elsewhere. `first_id`: key of the very first of them all."""
    draws = Draws(plan.seed, "contacts", chunk)
    ends = np.cumsum(plan.events.lost)
    index = np.arange(chunk * CONTACT_CHUNK, min(int(ends[-1]), (chunk + 1) * CONTACT_CHUNK), dtype=np.int64)
    size = len(index)
    event = np.searchsorted(ends, index, side="right").astype(np.int64)
    women = (draws.below(100, size) < 31).astype(np.int64)
    who = Names(women, names.draw_first(draws, women), names.draw_last(draws, size))
    told = draws.unit(size) < np.where(plan.events.date[event] < school.SEPTEMBER[-1], 0.3, 0.1)
    elsewhere = np.where(told, draws.weighted(school.COMPETITOR_WEIGHTS, size), NONE)
    # An initial and a number: never the private e-mail of a student, which begins with a whole first name.
    initials = names.spelled(names.FIRST_SLUGS, who.first).str.head(1).str.to_lowercase()
    mail = pl.DataFrame(
        {
            "first": initials, "last": names.spelled(names.LAST_SLUGS, who.last).str.to_lowercase(),
            "n": pl.Series(first_id + index),
            "domain": names.spelled(names.MAIL_DOMAINS, draws.weighted(names.MAIL_WEIGHTS, size)),
        }
    )  # fmt: skip
    mails = mail.select(pl.concat_str(["first", pl.lit("."), "last", pl.lit("."), "n", pl.lit("@"), "domain"]))
    interest = draws.weighted(cumulated((38, 42, 20)), size)
    return _frame(first_id + chunk * CONTACT_CHUNK, plan.events.ids[event], who, mails.to_series(), interest, elsewhere)


def _frame(first_id: int, event: Ints, who: Names, mails: pl.Series, interest: Ints, chosen: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": np.arange(first_id, first_id + len(event)),
            "event_id": event,
            "first_name": names.spelled(names.FIRST, who.first),
            "last_name": names.spelled(names.LAST, who.last),
            "email": mails,
            "level_of_interest": names.spelled(_INTEREST, interest),
            "chosen_school": names.spelled(school.COMPETITORS, chosen),
        }
    )
