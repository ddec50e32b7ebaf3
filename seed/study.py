"""Lessons, attendances and grades: the large tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lakelab.catalogue import LEVELS
from seed import names, school
from seed.careers import NONE, dates
from seed.draws import Bools, Draws, Ints, scattered
from seed.people import Lives
from seed.plan import CLASS_SIZE, LESSONS, Plan

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
_DECIMALS = tuple(f"{tenths // 10}.{tenths % 10}" for tenths in range(1001))
# Weak students leave before they sit many exams: a little under 60 makes 60 of what is left.
_MEAN = 58.6
_DAY_SALT, _STAFF_SALT, _EXAM_SALT = 1, 2, 3


def _lesson_days(plan: Plan, lesson: Ints, year: Ints, number: Ints) -> Ints:
    """Day of each lesson: its week by its number in the year, a weekday by its key."""
    weekday = (scattered(lesson, plan.seed * 8 + _DAY_SALT) % np.uint64(5)).astype(np.int64)
    return school.MONDAY[year] + 7 * _WEEKS[number] + weekday


def lesson_frame(plan: Plan, chunk: int) -> pl.DataFrame:
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
    return pl.DataFrame(
        {
            "id": lesson + 1,
            "subject_id": names.spelled(school.SUBJECT_CODES, subject),
            "date": dates(_lesson_days(plan, lesson, year, number)),
            "campus_id": campus + 1,
            "professor_id": plan.staff_base[campus] + professor + 1,
        }
    )


@dataclass(frozen=True)
class StudyYears:
    """The years that students of a chunk began: one element for each student and year."""

    student: Ints
    year: Ints
    level: Ints
    first_lesson: Ints


@dataclass(frozen=True)
class Slots:
    """Lessons or exams that concern a student, before and after the student's days at the school included: one
    element each. `known` marks those between the day of joining and the last day."""

    student: Ints
    what: Ints
    day: Ints
    known: Bools


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
    base = plan.lesson_base[lives.campus[student], year, level]
    return StudyYears(student, year, level, base + place // CLASS_SIZE * LESSONS)


def lesson_slots(plan: Plan, lives: Lives, years: StudyYears) -> Slots:
    """The lessons of each student's class; `what` is the lesson, counted from 0."""
    rows = len(years.student)
    number = np.tile(np.arange(LESSONS, dtype=np.int64), rows)
    lesson = np.repeat(years.first_lesson, LESSONS) + number
    student = np.repeat(years.student, LESSONS)
    day = _lesson_days(plan, lesson, np.repeat(years.year, LESSONS), number)
    return Slots(student, lesson, day, (day >= lives.join[student]) & (day <= lives.last[student]))


def exam_slots(plan: Plan, lives: Lives, years: StudyYears) -> Slots:
    """The exams of each student's level; `what` is the subject."""
    student = np.repeat(years.student, EXAMS)
    campus = lives.campus[student]
    year, level = np.repeat(years.year, EXAMS), np.repeat(years.level, EXAMS)
    exam = np.tile(np.arange(EXAMS, dtype=np.int64), len(years.student))
    held = ((campus * 100 + year) * 10 + level) * 16 + exam
    weekday = (scattered(held, plan.seed * 8 + _EXAM_SALT) % np.uint64(5)).astype(np.int64)
    day = school.MONDAY[year] + 7 * _EXAM_WEEKS[level, exam] + weekday
    subject = _EXAM_SUBJECTS[level, exam]
    return Slots(student, subject, day, (day >= lives.join[student]) & (day <= lives.last[student]))


def attendance_frame(plan: Plan, lives: Lives, slots: Slots, chunk: int, first_id: int) -> pl.DataFrame:
    """Table `attendances` of the chunk. Each student comes as often as the habit has it."""
    student, lesson = slots.student[slots.known], slots.what[slots.known]
    size = len(student)
    came = (lives.presence * 4294967296.0).astype(np.int64)[student]
    present = Draws(plan.seed, "attendances", chunk).halves(size) < came
    return pl.DataFrame(
        {
            "id": np.arange(first_id, first_id + size),
            "lesson_id": lesson + 1,
            "student_id": school.FIRST_STUDENT_ID + lives.index[student],
            "present": names.spelled(("f", "t"), present.astype(np.int64)),
        }
    )


def late_lessons(lives: Lives, slots: Slots) -> pl.DataFrame:
    """Attendances (without a key) at lessons of the class that came after the student had left."""
    after = (slots.day > lives.last[slots.student]) & (slots.day <= school.TODAY)
    student = slots.student[after]
    return pl.DataFrame(
        {
            "id": pl.Series([None] * len(student), dtype=pl.String),
            "lesson_id": slots.what[after] + 1,
            "student_id": school.FIRST_STUDENT_ID + lives.index[student],
            "present": names.spelled(("f",), np.zeros(len(student), dtype=np.int64)),
        }
    )


def draw_grades(plan: Plan, lives: Lives, slots: Slots, chunk: int) -> Ints:
    """Grades in tenths, NONE for an exam that the student did not sit."""
    draws = Draws(plan.seed, "grades", chunk)
    student, subject = slots.student[slots.known], slots.what[slots.known]
    size = len(student)
    points = _MEAN + lives.shift[student] + school.EASE[subject] + 12.0 * draws.gauss(size)
    tenths = np.floor(np.clip(points, 0.0, 100.0) * 10.0 + 0.5).astype(np.int64)
    missed = draws.unit(size) < (1.0 - lives.presence[student]) * 0.08
    return np.where(missed, NONE, tenths)


def grade_frame(lives: Lives, slots: Slots, tenths: Ints, first_id: int) -> pl.DataFrame:
    """Table `grades` of the chunk."""
    student = slots.student[slots.known]
    return pl.DataFrame(
        {
            "id": np.arange(first_id, first_id + len(student)),
            "student_id": school.FIRST_STUDENT_ID + lives.index[student],
            "subject": names.spelled(school.SUBJECT_CODES, slots.what[slots.known]),
            "date": dates(slots.day[slots.known]),
            "grade": names.spelled(_DECIMALS, tenths),
        }
    )
