"""Numbers and column names as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.report.questions import Cell

# What a column counts, where its name alone does not say it.
_UNITS = {
    "average_grade": "out of 100",
    "change_points": "points",
    "attendance_rate": "%",
    "conversion": "%",
    "contracts_per_100_students": "per 100 students",
    "companies_per_100_students": "per 100 students",
    "cost": "€",
    "cost_per_recruit": "€",
    "gap": "standard deviations",
    "growth": "%",
    "health": "standard deviations from the mean",
    "intake_change": "%",
    "occupancy": "%",
    "rate_high": "%",
    "rate_low": "%",
    "spread": "points",
    "students_per_1000_youth": "per 1,000",
    "times_school": "times",
    "within_6_months": "%",
    "youth_population": "thousand people",
}
_SUFFIX_UNITS = (("_share", "%"), ("_rate", "%"), ("_months", "months"))
_WORDS = {"mae": "mean error,", "r": "r:"}


def unit(column: str) -> str:
    """The unit of a column, "" for a plain count or a text."""
    if column in _UNITS:
        return _UNITS[column]
    if column.startswith("share_of_"):
        return "%"
    if column.startswith(("mean_months", "median_months", "months_")):
        return "months"
    return next((name for suffix, name in _SUFFIX_UNITS if column.endswith(suffix)), "")


def title(column: str) -> str:
    """A column's name in words: best_share is "Best share", low_80 "Low 80"."""
    first, *rest = column.split("_")
    words = " ".join([_WORDS.get(first, first) if rest else first, *rest])
    return words[:1].upper() + words[1:]


def axis_title(column: str) -> str:
    """The title with its unit, for an axis or the head of a table."""
    name, words = unit(column), title(column)
    return words if not name or name in words.lower() else f"{words} ({name})"


def short_title(column: str) -> str:
    """The title with a unit of one sign only, for a terminal."""
    return f"{title(column)} ({unit(column)})" if unit(column) in ("%", "€") else title(column)


def whole(column: str) -> bool:
    """True for a number that names rather than counts, such as a year: it takes no thousands separator."""
    return re.search(r"(^|_)(id|year)$", column) is not None


def decimals(values: Iterable[Cell], column: str = "") -> int:
    """Digits after the point that the numbers of a column need: 0, 1 or 2. A forecast of people needs none."""
    if re.fullmatch(r"students|(low|high)_\d+", column):
        return 0
    numbers = [v for v in values if isinstance(v, float)]
    return next((d for d in (0, 1) if all(abs(v - round(v, d)) < 1e-9 for v in numbers)), 2)


def cell(value: Cell, column: str = "", digits: int | None = None) -> str:
    """One cell of a table; an en dash where there is nothing to tell."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if whole(column):
        return str(int(value))
    return number(value, decimals([value], column) if digits is None else digits)


def number(value: float, digits: int = 0) -> str:
    """1234.56 with one digit is "1,234.6"; a real minus sign, and no minus before zero."""
    text = f"{abs(value):,.{digits}f}"
    return f"\N{MINUS SIGN}{text}" if value < 0 and text.strip("0.,") else text


def short(value: float) -> str:
    """A number of a sentence: one digit after the point, none when it is whole."""
    return number(value, 0 if round(value, 1) == round(value) else 1)


def percent(value: float) -> str:
    return f"{short(value)}%"


def euros(value: float) -> str:
    return f"€{number(value)}"


def count(amount: float, one: str, many: str = "") -> str:
    """1 row, 2 rows, 1,200 campuses."""
    return f"{number(amount)} {one if amount == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration: 0.42 s, 8.4 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 9.95:
        return f"{value:.1f} s"
    rounded = round(value)
    if rounded < 60:
        return f"{rounded} s"
    minutes, rest = divmod(rounded, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(value: int) -> str:
    """Bytes in decimal units, as disks are sold: 999 B, 1.2 kB, 34 MB."""
    amount = float(value)
    for name in ("B", "kB", "MB", "GB"):
        if amount < 999.5 or name == "GB":
            return f"{amount:.0f} {name}" if name == "B" or amount >= 9.95 else f"{amount:.1f} {name}"
        amount /= 1000
    raise AssertionError


def join(parts: list[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
