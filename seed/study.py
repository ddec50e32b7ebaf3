"""Lessons, attendances and grades: the large tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lakelab.catalogue import LEVELS
from seed import school
from seed.careers import NONE, dates
from seed.draws import Bools, Draws, Ints, scattered
from seed.people import CAMPUS_KEYS, Lives, student_keys
from seed.plan import CLASS_SIZE, LESSONS, Plan
from seed.text import Lines, Numbered, Picked, Texts, as_lines, numbers, texts_of, words

LESSON_CHUNK = 150_000
EXAMS = 9  # of a year: one in June for each subject, and one in January for the first ones of the level
# Weeks of teaching, counted from the middle of September; none around Christmas or in Easter's weeks.
_WEEKS = np.array([0, 2, 4, 6, 8, 11, 13, 16, 17, 18, 21, 23, 25, 27, 29, 33, 35, 37], dtype=np.int64)
_JANUARY_WEEK, _JUNE_WEEK = 19, 38
_EXAM_SUBJECTS = np.array(
    [[*of_level, *of_level[: EXAMS - len(of_level)]] for of_level in school.BY_LEVEL], dtype=np.int64
)
_EXAM_WEEKS = np.array(
    [[_JUNE_WEEK] * len(s) + [_JANUARY_WEEK] * (EXAMS - len(s)) for s in school.BY_LEVEL], dtype=np.int64
)
_SUBJECTS_OF = np.array([len(s) for s in school.BY_LEVEL], dtype=np.int64)
_FIRST_SUBJECT = np.array([s[0] for s in school.BY_LEVEL], dtype=np.int64)
_TENTHS = tuple(f"{tenths // 10}.{tenths % 10}" for tenths in range(1001))
# Weak students leave before they sit many exams: a little under 60 makes 60 of what is left.
_MEAN = 58.6
_DAY_SALT, _STAFF_SALT, _EXAM_SALT = 1, 2, 3


def _lesson_days(plan: Plan, lesson: Ints, year: Ints, number: Ints) -> Ints:
    """Day of each lesson: its week by its number in the year, a weekday by its key."""
    weekday = (scattered(lesson, plan.seed * 8 + _DAY_SALT) % np.uint64(5)).astype(np.int64)
    return school.MONDAY[year] + 7 * _WEEKS[number] + weekday


def lesson_lines(plan: Plan, chunk: int) -> Lines:
    """Table `lessons`, from key chunk * LESSON_CHUNK + 1 on."""
    lesson = np.arange(chunk * LESSON_CHUNK, min(plan.lessons, (chunk + 1) * LESSON_CHUNK), dtype=np.int64)
    cell = np.searchsorted(plan.lesson_base.ravel(), lesson, side="right").astype(np.int64) - 1
    campus, year, level = (part.astype(np.int64) for part in np.unravel_index(cell, plan.lesson_base.shape))
    in_cell = lesson - plan.lesson_base.ravel()[cell]
    number = in_cell % LESSONS
    subject = _FIRST_SUBJECT[level] + number % _SUBJECTS_OF[level]
    # One professor for a class and a subject: the choice depends on these, not on the lesson.
    group = (cell * 100_000 + in_cell // LESSONS) * 64 + subject
    staff = plan.staff[campus, year].astype(np.uint64)
    professor = (scattered(group, plan.seed * 8 + _STAFF_SALT) % staff).astype(np.int64)
    fields = (
        Numbered(chunk * LESSON_CHUNK + 1),
        Picked(words(school.SUBJECT_CODES), subject),
        dates(_lesson_days(plan, lesson, year, number)),
        Picked(words(CAMPUS_KEYS), campus),
        Picked(numbers(plan.staff_base[campus] + professor + 1)),
    )
    return as_lines(len(lesson), fields)


@dataclass(frozen=True)
class StudyYears:
    """The years that students of a chunk began: one element for each student and year.

    lessons: [year, number], exams: [year, exam]; True for those between the day of joining and the last day.
    exam_cell: row of the exams' table (see `_exam_days`)."""

    student: Ints
    year: Ints
    level: Ints
    first_lesson: Ints
    exam_cell: Ints
    lessons: Bools
    exams: Bools


def study_years(plan: Plan, lives: Lives) -> StudyYears:
    """A year of study for each level from entry on, as far as the student got (or would have got)."""
    size = len(lives.index)
    student = np.repeat(np.arange(size, dtype=np.int64), len(LEVELS))
    step = np.tile(np.arange(len(LEVELS), dtype=np.int64), size)
    level, year = lives.entry[student] + step, lives.year[student] + step
    begun = (level <= lives.end_level[student]) & (year < school.YEARS)
    student, level, year = student[begun], level[begun], year[begun]
    begun = school.SEPTEMBER[year] <= lives.last[student]
    student, level, year = student[begun], level[begun], year[begun]
    place = plan.cohorts.places[lives.cohort[student], year] + lives.rank[student]
    first = plan.lesson_base[lives.campus[student], year, level] + place // CLASS_SIZE * LESSONS
    cell = (lives.campus[student] * school.YEARS + year) * len(LEVELS) + level
    lessons, exams = _lessons_known(plan, lives, student, year, first), _exams_known(plan, lives, student, cell)
    return StudyYears(student, year, level, first, cell, lessons, exams)


def _lessons_known(plan: Plan, lives: Lives, student: Ints, year: Ints, first_lesson: Ints) -> Bools:
    """Days are looked at only in years in which the student joined or left: most have all their lessons."""
    known = np.ones((len(student), LESSONS), dtype=np.bool_)
    start, end = school.MONDAY[year], school.MONDAY[year] + 7 * _WEEKS[-1] + 4
    part = np.flatnonzero((lives.join[student] > start) | (lives.last[student] < end))
    day = _all_lesson_days(plan, year[part], first_lesson[part])
    join, last = lives.join[student[part], None], lives.last[student[part], None]
    known[part] = (day >= join) & (day <= last)
    return known


def _all_lesson_days(plan: Plan, year: Ints, first_lesson: Ints) -> Ints:
    """[year, number]: the days of each year's lessons."""
    number = np.arange(LESSONS, dtype=np.int64)
    return _lesson_days(plan, first_lesson[:, None] + number, year[:, None], number)


@lru_cache(maxsize=2)
def _exam_days(seed: int) -> Ints:
    """[cell, exam]: the days of the exams. A cell is a campus, year and level, counted in this order."""
    cells = len(school.CAMPUSES) * school.YEARS * len(LEVELS)
    campus, rest = np.divmod(np.arange(cells, dtype=np.int64)[:, None], school.YEARS * len(LEVELS))
    year, level = np.divmod(rest, len(LEVELS))
    exam = np.arange(EXAMS, dtype=np.int64)
    held = ((campus * 100 + year) * 10 + level) * 16 + exam
    weekday = (scattered(held, seed * 8 + _EXAM_SALT) % np.uint64(5)).astype(np.int64)
    days: Ints = school.MONDAY[year] + 7 * _EXAM_WEEKS[level[:, 0]] + weekday
    return days


def _exams_known(plan: Plan, lives: Lives, student: Ints, cell: Ints) -> Bools:
    """As `_lessons_known`."""
    days = _exam_days(plan.seed)
    known = np.ones((len(student), EXAMS), dtype=np.bool_)
    start, end = days.min(axis=1), days.max(axis=1)
    part = np.flatnonzero((lives.join[student] > start[cell]) | (lives.last[student] < end[cell]))
    day = days[cell[part]]
    join, last = lives.join[student[part], None], lives.last[student[part], None]
    known[part] = (day >= join) & (day <= last)
    return known


@lru_cache(maxsize=2)
def _exam_texts(seed: int) -> Texts:
    """Subject and date of the exams, in the order of `_exam_days`."""
    days = np.datetime_as_string(_exam_days(seed).astype("datetime64[D]")).tolist()
    codes = [[school.SUBJECT_CODES[subject] for subject in of_level] for of_level in _EXAM_SUBJECTS.tolist()]
    return texts_of(
        f",{code},{day}"
        for cell, of_cell in enumerate(days)
        for code, day in zip(codes[cell % len(LEVELS)], of_cell, strict=True)
    )


@lru_cache(maxsize=2)
def _lesson_keys(lessons: int) -> Texts:
    return numbers(np.arange(1, lessons + 1))


def attendance_lines(plan: Plan, lives: Lives, years: StudyYears, chunk: int, first_id: int) -> Lines:
    """Table `attendances` of the chunk. Each student comes as often as the habit has it."""
    count = years.lessons.sum(axis=1)
    lesson = (years.first_lesson[:, None] + np.arange(LESSONS, dtype=np.int64))[years.lessons]
    came = (lives.presence * 4294967296.0).astype(np.int64).astype(np.uint32)[years.student]
    present = Draws(plan.seed, "attendances", chunk).halves(len(lesson)) < np.repeat(came, count)
    fields = (
        Numbered(first_id),
        Picked(_lesson_keys(plan.lessons), lesson),
        Picked(student_keys(lives), np.repeat(years.student, count)),
        Picked(words(("f", "t")), present.view(np.uint8)),
    )
    return as_lines(len(lesson), fields)


def late_lessons(plan: Plan, lives: Lives, years: StudyYears) -> tuple[Ints, Ints]:
    """Keys of lessons and of students: lessons of the class that came after the student had left."""
    day = _all_lesson_days(plan, years.year, years.first_lesson)
    year, number = np.nonzero((day > lives.last[years.student, None]) & (day <= school.TODAY))
    return years.first_lesson[year] + number + 1, school.FIRST_STUDENT_ID + lives.index[years.student[year]]


def draw_grades(plan: Plan, lives: Lives, years: StudyYears, chunk: int) -> Ints:
    """Grades in tenths, NONE for an exam that the student did not sit."""
    draws = Draws(plan.seed, "grades", chunk)
    count = years.exams.sum(axis=1)
    size = int(count.sum())
    mean = _MEAN + lives.shift[years.student, None] + school.EASE[_EXAM_SUBJECTS[years.level]]
    points = mean[years.exams] + 12.0 * draws.gauss(size)
    tenths = np.floor(np.clip(points, 0.0, 100.0) * 10.0 + 0.5).astype(np.int64)
    missing = ((1.0 - lives.presence) * 0.08)[years.student]
    missed = draws.unit(size) < np.repeat(missing, count)
    return np.where(missed, NONE, tenths)


def grade_lines(plan: Plan, lives: Lives, years: StudyYears, tenths: Ints, first_id: int) -> Lines:
    """Table `grades` of the chunk."""
    exam = (years.exam_cell[:, None] * EXAMS + np.arange(EXAMS, dtype=np.int64))[years.exams]
    fields = (
        Numbered(first_id),
        Picked(student_keys(lives), np.repeat(years.student, years.exams.sum(axis=1))),
        Picked(_exam_texts(plan.seed), exam),
        Picked(words(_TENTHS), tenths),
    )
    return as_lines(len(exam), fields)
