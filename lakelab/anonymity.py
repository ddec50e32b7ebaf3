"""k-anonymity of what is published: no number may tell of a group of one to four persons.

A group below k is folded into one row for all small groups (`fold`), so that totals stay right; where that row
would itself be too small, the next group joins it. A count inside a group, such as its drop-outs, is left empty
below k (`hide`). `check` refuses to publish a mart that breaks the rule.
Source: L. Sweeney, "k-anonymity: a model for protecting privacy", 2002.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from lakelab.errors import LabError

K = 5


def fold(sizes: Mapping[str, int], other: str) -> dict[str, str]:
    """The name under which each group is published: its own, or `other` where it is too small alone.

    sizes: persons of each group. A group without persons keeps its name. A group is left out where all groups
    together have less than k persons.
    """
    if is_small(sum(sizes.values())):
        return {}
    labels, gathered = {}, 0
    for size, group in sorted((size, group) for group, size in sizes.items()):
        small = is_small(size) or is_small(gathered)
        labels[group] = other if small else group
        gathered += size
    return labels


def is_small(count: int) -> bool:
    """True for a count of one to k-1 persons."""
    return 0 < count < K


def hide(count: int) -> int | None:
    """The count, or None where it tells of one to k-1 persons."""
    return None if is_small(count) else count


def mean(total: int, count: int, unit: int, digits: int) -> float | None:
    """total / unit / count, halves rounded up, or None for less than k persons. `unit`: 100 for hundredths."""
    if count < K:
        return None
    return float((Decimal(total) / unit / count).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def check(rows: Iterable[Mapping[str, object]], name: str, persons: Sequence[str]) -> None:
    """Raise LabError where a column of `persons` has a count of one to k-1."""
    for row in rows:
        for column in persons:
            count = row.get(column)
            if isinstance(count, int) and is_small(count):
                raise LabError(
                    f"column {column} tells of {count} persons, fewer than {K}", where=name,
                    fix="fold or hide such groups before they are published",
                )  # fmt: skip
