"""The students of one chunk: who they are, how they fare, why they leave, who hires them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakelab.catalogue import LEVELS
from seed import careers, names, school
from seed.careers import DROPPED, ENROLLED, GRADUATED, NONE, STATUSES, dates
from seed.draws import Bools, Draws, Floats, Ints, Weights
from seed.plan import Plan
from seed.text import Field, Lines, Numbered, Picked, Texts, as_lines, numbers, words

CHUNK = 5000  # students drawn at a time; changing it changes the data
LAST_LEVEL = len(LEVELS) - 1
_OTHER_SCHOOL = school.EXIT_REASONS.index("other school")
CAMPUS_KEYS = tuple(str(key) for key in range(1, len(school.CAMPUSES) + 1))
_ADULT_YEARS = Weights((46, 24, 12, 6, 4, 3, 2, 1, 1, 1))  # years above the usual age at entry


@dataclass(frozen=True)
class Names:
    """Indexes into `names.FIRST` and `names.LAST`; women: 1 or 0."""

    women: Ints
    first: Ints
    last: Ints

    @property
    def pair(self) -> Ints:
        """One number for each pair of names."""
        return self.first * len(names.LAST) + self.last


@dataclass(frozen=True)
class Lives:
    """One element for each student of the chunk; days since 1970-01-01, NONE where nothing happened.

    shift: points by which the grades lie above those of others.  presence: chance of coming to a lesson.
    last: last day on which the student can appear (the day of leaving, or today).  end_level: the level aimed at.
    company: [level - 2, student] place of the company of each year's contract; start and end likewise.
    """

    index: Ints
    cohort: Ints
    campus: Ints
    year: Ints
    january: Ints
    entry: Ints
    rank: Ints
    join: Ints
    birth: Ints
    origin: Ints
    domain: Ints
    has_mail: Bools
    shift: Floats
    presence: Floats
    end_level: Ints
    status: Ints
    left: Ints
    last: Ints
    promotion: Ints
    reason: Ints
    competitor: Ints
    company: Ints
    contract_start: Ints
    contract_end: Ints
    hired: Ints
    hired_by: Ints


def chunks(students: int) -> int:
    """Number of chunks of so many students."""
    return -(-students // CHUNK)


def indexes(students: int, chunk: int) -> Ints:
    """Indexes of the chunk's students, counted from 0 over the whole school."""
    return np.arange(chunk * CHUNK, min(students, (chunk + 1) * CHUNK), dtype=np.int64)


def draw_names(plan: Plan, chunk: int) -> Names:
    """The names come from a stream of their own: making e-mails unique needs the names of all chunks first."""
    draws = Draws(plan.seed, "names", chunk)
    size = len(indexes(plan.students, chunk))
    women = (draws.below(100, size) < 27).astype(np.int64)
    return Names(women, names.draw_first(draws, women), names.draw_last(draws, size))


def _where(draws: Draws, reasons: Floats) -> Ints:
    """One column drawn from each row, by the row's weights."""
    running = np.zeros_like(reasons)
    total = np.zeros(len(reasons))
    for i in range(reasons.shape[1]):  # plain additions in a fixed order: np.cumsum may be vectorised otherwise
        total = total + reasons[:, i]
        running[:, i] = total
    picked = draws.unit(len(reasons)) * total
    found: Ints = np.minimum((running <= picked[:, None]).sum(axis=1), reasons.shape[1] - 1).astype(np.int64)
    return found


def _dropping(draws: Draws, shift: Floats, presence: Floats, trouble: Floats) -> tuple[Bools, Ints, Floats]:
    """Who will drop out, why, and how far into the studies (0 to 1): weak, absent, distant and poor students do
    more often, and everybody does on a campus in trouble."""
    size = len(shift)
    far, poor = draws.unit(size) < 0.18, draws.unit(size) < 0.16
    weak = np.maximum(0.0, -shift)
    absent = np.maximum(0.0, 0.86 - presence)
    chance = 0.075 + 0.013 * weak + 0.55 * absent + 0.09 * far + 0.10 * poor
    chance = np.minimum(0.9, chance * (1.0 + 0.7 * trouble))
    drops = draws.unit(size) < chance
    weights = np.stack(
        [
            5.0 + 3.5 * weak, 6.0 + 50.0 * poor, 7.0 + 0.0 * weak, 3.0 + 45.0 * far,
            8.0 + 0.5 * np.maximum(0.0, shift), 14.0 + 12.0 * trouble,
        ],
        axis=1,
    )  # fmt: skip
    reason = _where(draws, weights)
    moment = draws.unit(size)
    return drops, reason, moment * moment


def _origins(draws: Draws, entry: Ints) -> Ints:
    drawn = {level: draws.weighted(weights, len(entry)) for level, weights in school.ORIGIN_WEIGHTS.items()}
    return np.select([entry == level for level in drawn], list(drawn.values())).astype(np.int64)


def draw_lives(plan: Plan, chunk: int) -> Lives:
    """The students of a chunk, from the streams of that chunk alone."""
    draws = Draws(plan.seed, "students", chunk)
    index = indexes(plan.students, chunk)
    size = len(index)
    cohorts = plan.cohorts
    cohort = np.searchsorted(cohorts.first, index, side="right").astype(np.int64) - 1
    campus, year, january, entry = (
        part[cohort] for part in (cohorts.campus, cohorts.year, cohorts.january, cohorts.entry)
    )
    autumn = school.SEPTEMBER[year] + 7 + draws.below(18, size)
    join = np.where(january == 1, school.JANUARY[year] + draws.below(20, size), autumn)
    age = 18 + entry + draws.weighted(_ADULT_YEARS, size)
    birth = join - age * 365 - age // 4 - draws.below(365, size)
    origin = _origins(draws, entry)
    trouble = school.scores("trouble")[campus]
    habit = draws.gauss(size)
    talent = school.ORIGIN_TALENT[origin] + school.scores("talent")[campus]
    shift = 5.2 * habit + 4.6 * draws.gauss(size) + talent
    presence = np.clip(0.85 + 0.085 * habit - 0.05 * trouble, 0.2, 0.99)

    end_level = np.where((entry <= 2) & (draws.unit(size) < 0.18), 2, LAST_LEVEL)
    final_year = np.minimum(year + end_level - entry, school.YEARS - 1)
    graduation = school.JULY[final_year] + draws.below(15, size)
    drops, reason, moment = _dropping(draws, shift, presence, trouble)
    span = (end_level - entry + 1) * 365 - 100
    dropped_on = join + 25 + (moment * span).astype(np.int64)
    drops &= dropped_on <= school.TODAY
    done = ~drops & (year + end_level - entry < school.YEARS) & (graduation <= school.TODAY)
    status = np.where(drops, DROPPED, np.where(done, GRADUATED, ENROLLED)).astype(np.int64)
    left = np.where(drops, dropped_on, np.where(done, graduation, NONE))
    last = np.where(left == NONE, school.TODAY, left)
    reason = np.where(drops, reason, NONE)
    competitor = draws.weighted(school.COMPETITOR_WEIGHTS, size)
    company, start, end = careers.contracts(plan, draws, (campus, year, entry, join, last), shift)
    hired, hired_by = careers.hires(plan, draws, (campus, status, left, end_level), shift, company)
    return Lives(
        index, cohort, campus, year, january, entry, index - cohorts.first[cohort], join, birth, origin,
        domain=draws.weighted(names.MAIL_WEIGHTS, size), has_mail=draws.unit(size) >= 0.03,
        shift=shift, presence=presence, end_level=end_level, status=status, left=left, last=last,
        promotion=np.minimum(entry + np.minimum(school.academic_year(last), final_year) - year, end_level),
        reason=reason, competitor=np.where(reason == _OTHER_SCHOOL, competitor, NONE),
        company=company, contract_start=start, contract_end=end, hired=hired, hired_by=hired_by,
    )  # fmt: skip


def _numbers_where(wanted: Bools, values: Ints, before: str) -> Picked:
    """These numbers where they are wanted, and nothing elsewhere."""
    found = np.flatnonzero(wanted)
    at = np.full(len(values), NONE)
    at[found] = np.arange(len(found))
    return Picked(numbers(values[found], before, none=""), at)


def personal_emails(who: Names, same: Ints, domain: Ints, known: Bools) -> tuple[Field, ...]:
    """Private e-mails, unique because `same` counts the earlier students of the same name; NULL where not known."""
    return (
        Picked(words(names.FIRST_SMALL), np.where(known, who.first, NONE)),
        Picked(words(names.LAST_SMALL, ".", none=""), np.where(known, who.last, NONE)),
        _numbers_where(known & (same > 0), same, ""),
        Picked(words(names.MAIL_DOMAINS, "@", none=""), np.where(known, domain, NONE)),
    )


def school_emails(first: Ints, last: Ints, same: Ints, domain: str) -> tuple[Field, ...]:
    """First.Last@domain, and First.Last.2@domain for the second of that name."""
    return (
        Picked(words(names.FIRST_SLUGS), first),
        Picked(words(names.LAST_SLUGS, "."), last),
        _numbers_where(same > 0, same + 1, "."),
        Picked(words((domain,), "@"), np.zeros(len(first), dtype=np.int64)),
    )


def student_keys(lives: Lives) -> Texts:
    """The keys of the chunk's students."""
    return numbers(school.FIRST_STUDENT_ID + lives.index)


def student_lines(plan: Plan, who: Names, lives: Lives, same: Ints) -> Lines:
    """Table `students`; `same` counts, for each student, the earlier ones of the same name."""
    company_ids = numbers(plan.companies.ids)
    fields: tuple[Field, ...] = (
        Numbered(school.FIRST_STUDENT_ID + int(lives.index[0])),
        Picked(words(names.FIRST), who.first),
        Picked(words(names.LAST), who.last),
        *school_emails(who.first, who.last, same, "supinfo.com"),
        *personal_emails(who, same, lives.domain, lives.has_mail),
        Picked(words(("M.", "Mme")), who.women),
        dates(lives.birth),
        dates(lives.join),
        dates(lives.left),
        Picked(words(CAMPUS_KEYS), lives.campus),
        Picked(words(LEVELS), lives.promotion),
        Picked(words(school.ORIGINS), lives.origin),
        Picked(words(STATUSES), lives.status),
        Picked(words(school.EXIT_REASONS), lives.reason),
        Picked(words(school.COMPETITORS), lives.competitor),
        dates(lives.hired),
        Picked(company_ids, lives.hired_by),
    )
    return as_lines(len(lives.index), fields)


def contract_lines(plan: Plan, lives: Lives, chunk: int, first_id: int) -> Lines:
    """Table `apprenticeships` of the chunk, its keys counted from `first_id`."""
    student, level = np.nonzero(lives.company.T != NONE)
    size = len(student)
    draws = Draws(plan.seed, "apprenticeships", chunk)
    fields = (
        Numbered(first_id),
        Picked(student_keys(lives), student),
        Picked(numbers(plan.companies.ids), lives.company[level, student]),
        dates(lives.contract_start[level, student]),
        dates(lives.contract_end[level, student]),
        Picked(words(names.JOBS), draws.below(len(names.JOBS), size)),
    )
    return as_lines(size, fields)
