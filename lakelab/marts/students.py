"""Questions 1 and 2: the best students, and those who drop out."""

from __future__ import annotations

from lakelab.anonymity import hide, mean
from lakelab.marts.school import Row, School, Tally, groups

# What may go with dropping out, in the names of the tallies.
FACTORS = (
    *("school", "average grade", "attendance", "apprenticeship", "promotion", "gender", "recruiting"),
    "region",
)


def best_students(school: School) -> list[Row]:
    """Per region and per institution of origin: students, average, and how many are in the school's top tenth."""
    return [
        {
            "dimension": dimension,
            "category": group.label,
            "folded": group.folded,
            "students": group.tally.students,
            "graded_students": hide(group.tally.graded),
            "average_grade": average_grade(group.tally),
            "best_students": hide(group.tally.best),
        }
        for dimension in ("region", "origin institution")
        for group in groups(school.by(dimension), "other")
    ]


def drop_outs(school: School) -> list[Row]:
    """Per factor and category: students, drop-outs, and the average and attendance of the persons in the row.

    Factor "school" is everyone; factor "reason" has one row per reason given, where only drop-outs are counted and
    `students` is the whole school.
    """
    everyone = school.all().students
    return [
        {
            "factor": factor,
            "category": group.label,
            "folded": group.folded,
            "students": everyone if factor == "reason" else group.tally.students,
            "drop_outs": hide(group.tally.drop_outs),
            "average_grade": average_grade(group.tally),
            "attendance_rate": attendance_rate(group.tally),
        }
        for factor in (*FACTORS, "reason")
        for group in groups(school.by(factor), "other")
    ]


def average_grade(tally: Tally) -> float | None:
    """The mean of the students' averages, two digits."""
    return mean(tally.grades, tally.graded, 100, 2)


def attendance_rate(tally: Tally) -> float | None:
    """The mean of the students' attendance rates in percent, one digit."""
    return mean(tally.attendance, tally.followed, 10, 1)
