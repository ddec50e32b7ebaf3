"""CSV text made by NumPy: the same as Python's own, whatever the widths."""

from __future__ import annotations

import csv
import io
import signal
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seed import text
from seed.text import Field, Numbered, Picked, as_lines, days, numbers, words


def lines(rows: int, *fields: Field) -> list[str]:
    return b"".join(as_lines(rows, fields)).decode().splitlines()


@given(values=st.lists(st.integers(0, 99_999_999), max_size=40))
def test_numbers_are_written_as_python_writes_them(values: list[int]) -> None:
    assert lines(len(values), Picked(numbers(np.array(values, dtype=np.int64)))) == [f",{value}" for value in values]


@pytest.mark.parametrize("values", [[0], [7, 10], [9_999], [10_000, 3], [10_001, 0, 99_990_009], [12_345_678]])
def test_zeros_inside_a_number_stay(values: list[int]) -> None:
    assert lines(len(values), Picked(numbers(np.array(values), before="."))) == [f".{value}" for value in values]


@pytest.mark.parametrize("first", [0, 1, 9_990, 9_999_995, 99_999_990, 123_456_789_012])
def test_successive_numbers_pass_every_border(first: int) -> None:
    rows = text.BLOCK + 2_500
    assert lines(rows, Numbered(first)) == [str(first + n) for n in range(rows)]


def test_null_gives_what_was_asked_for() -> None:
    at = np.array([1, -1, 0])
    name, number = words(("Zo\u00eb", "Anne")), numbers(np.array([3, 40_000]), ".", none="")
    assert lines(3, Numbered(1), Picked(name, at), Picked(number, at)) == ["1,Anne.40000", "2,", "3,Zo\u00eb.3"]


def test_words_that_need_quotes_have_them() -> None:
    pool = ("plain", "a, b", 'say "no"', "two\nlines")
    written = b"".join(as_lines(4, (Numbered(1), Picked(words(pool), np.arange(4))))).decode()
    assert written.startswith("1,plain\n2,")
    assert [row[1] for row in csv.reader(io.StringIO(written, newline=""))] == list(pool)


def test_days_are_dates() -> None:
    first = (date(1999, 12, 30) - date(1970, 1, 1)).days
    written = lines(5, Picked(days(first, 400), np.array([0, 1, 2, 61, -1])))
    assert written == [f",{date(1999, 12, 30) + timedelta(n)}" for n in (0, 1, 2, 61)] + [","]
    assert written[3] == ",2000-02-29"


@pytest.mark.parametrize("seconds", [0.03 * n for n in range(1, 13)])  # of work
def test_a_ctrl_c_amid_the_days_is_heard(seconds: float) -> None:
    """Python tells of a signal inside of NumPy's loop where the loop makes texts; some of its loops then forget it."""
    told = []

    def stop(*_: object) -> None:
        told.append(seconds)
        raise KeyboardInterrupt

    def work() -> None:
        while not told:
            days(0, 500_000)

    former = signal.signal(signal.SIGVTALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def test_no_rows_make_no_text() -> None:
    assert as_lines(0, (Numbered(1), Picked(numbers(np.array([], dtype=np.int64))))) == []
