"""The students of one chunk: who they are, how they fare, why they leave, who hires them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lakelab.catalogue import LEVELS
from seed import careers, names, school
from seed.careers import DROPPED, ENROLLED, GRADUATED, NONE, STATUSES, dates
from seed.draws import Bools, Draws, Floats, Ints, cumulated
from seed.plan import Plan

CHUNK = 5000  # students drawn at a time; changing it changes the data
LAST_LEVEL = len(LEVELS) - 1
_OTHER_SCHOOL = school.EXIT_REASONS.index("other school")
_ADULT_YEARS = cumulated((46, 24, 12, 6, 4, 3, 2, 1, 1, 1))  # years above the usual age at entry


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


def personal_emails(who: Names, same: Ints, domain: Ints) -> pl.Series:
    """Private e-mails, unique because `same` counts the earlier students of the same name."""
    frame = pl.DataFrame(
        {
            "first": names.spelled(names.FIRST_SLUGS, who.first).str.to_lowercase(),
            "last": names.spelled(names.LAST_SLUGS, who.last).str.to_lowercase(),
            "n": pl.Series(same),
            "domain": names.spelled(names.MAIL_DOMAINS, domain),
        }
    )
    number = pl.when(pl.col("n") > 0).then(pl.col("n").cast(pl.String)).otherwise(pl.lit(""))
    return frame.select(pl.concat_str(["first", pl.lit("."), "last", number, pl.lit("@"), "domain"])).to_series()


def school_emails(first: Ints, last: Ints, same: Ints, domain: str) -> pl.Series:
    """First.Last@domain, and First.Last.2@domain for the second of that name."""
    frame = pl.DataFrame(
        {
            "first": names.spelled(names.FIRST_SLUGS, first), "last": names.spelled(names.LAST_SLUGS, last),
            "n": pl.Series(same + 1),
        }
    )  # fmt: skip
    number = pl.when(pl.col("n") > 1).then(pl.concat_str([pl.lit("."), "n"])).otherwise(pl.lit(""))
    return frame.select(pl.concat_str(["first", pl.lit("."), "last", number, pl.lit(f"@{domain}")])).to_series()


def student_frame(plan: Plan, who: Names, lives: Lives, same: Ints) -> pl.DataFrame:
    """Table `students`; `same` counts, for each student, the earlier ones of the same name."""
    mails = pl.DataFrame({"mail": personal_emails(who, same, lives.domain), "has": lives.has_mail})
    hired_by = np.where(lives.hired_by == NONE, NONE, plan.companies.ids[lives.hired_by])
    company = pl.Series(hired_by)
    return pl.DataFrame(
        {
            "id": school.FIRST_STUDENT_ID + lives.index,
            "first_name": names.spelled(names.FIRST, who.first),
            "last_name": names.spelled(names.LAST, who.last),
            "email": school_emails(who.first, who.last, same, "supinfo.com"),
            "personal_email": mails.select(pl.when("has").then("mail")).to_series(),
            "gender": names.spelled(("M.", "Mme"), who.women),
            "date_of_birth": dates(lives.birth),
            "join_date": dates(lives.join),
            "left_date": dates(lives.left),
            "campus_id": lives.campus + 1,
            "promotion": names.spelled(LEVELS, lives.promotion),
            "origin_institution": names.spelled(school.ORIGINS, lives.origin),
            "status": names.spelled(STATUSES, lives.status),
            "exit_reason": names.spelled(school.EXIT_REASONS, lives.reason),
            "competing_school": names.spelled(school.COMPETITORS, lives.competitor),
            "hired_date": dates(lives.hired),
            "hired_company_id": company.set(company == NONE, None),
        }
    )


def contract_frame(plan: Plan, lives: Lives, chunk: int, first_id: int) -> pl.DataFrame:
    """Table `apprenticeships` of the chunk, its keys counted from `first_id`."""
    level, student = np.nonzero(lives.company != NONE)
    order = np.lexsort((level, student))
    level, student = level[order], student[order]
    draws = Draws(plan.seed, "apprenticeships", chunk)
    size = len(student)
    return pl.DataFrame(
        {
            "id": np.arange(first_id, first_id + size),
            "student_id": school.FIRST_STUDENT_ID + lives.index[student],
            "company_id": plan.companies.ids[lives.company[level, student]],
            "start_date": dates(lives.contract_start[level, student]),
            "end_date": dates(lives.contract_end[level, student]),
            "job": names.spelled(names.JOBS, draws.below(len(names.JOBS), size)),
        }
    )
