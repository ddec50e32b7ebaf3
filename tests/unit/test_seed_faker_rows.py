"""The slow way of making rows, which the benchmark compares with."""

from __future__ import annotations

from seed.faker_rows import GRADES_EACH, faker_rows


def test_a_student_and_the_students_grades_in_turn() -> None:
    rows = list(faker_rows(60, seed=1))
    assert [len(r) for r in rows] == [11, *[5] * GRADES_EACH, 11, *[5] * GRADES_EACH, 11, *[5] * 7]
    assert {r[1] for r in rows[1:26]} == {1}
    assert all(0 <= r[4] <= 100 for r in rows if len(r) == 5)  # type: ignore[operator]
