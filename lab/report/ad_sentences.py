"""One plain sentence of answer for each question about the ads; as `sentences`, but by the name of the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lab.report.numbers import count, join, percent

Row = dict[str, Any]


def best_and_worst(rows: Sequence[Row]) -> str:
    """The ends of the ranking: rows come from the best to the worst."""
    first, last = rows[0], rows[-1]
    return f"{_rated(first)} is clicked most readily, {_rated(last)} least."


def hours(rows: Sequence[Row]) -> str:
    high, low = max(rows, key=_rate), min(rows, key=_rate)
    return (
        f"Most readily at {high['hour_of_day']}:00 ({percent(high['click_rate'])}), "
        f"least at {low['hour_of_day']}:00 ({percent(low['click_rate'])})."
    )


def places(rows: Sequence[Row]) -> str:
    parts = []
    for dimension in dict.fromkeys(row["dimension"] for row in rows):
        those = [row for row in rows if row["dimension"] == dimension]
        high, low = max(those, key=_rate), min(those, key=_rate)
        parts.append(
            f"by {dimension}, {high['category']} has {percent(high['click_rate'])} and {low['category']} "
            f"{percent(low['click_rate'])}"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def over_time(rows: Sequence[Row]) -> str:
    """The two halves compared: by impressions, not by hours, as the nights have few."""
    half = len(rows) // 2
    first, second = (_of_all(part) for part in (rows[:half], rows[half:]))
    length = count(len(rows), "hour")
    return f"From {percent(first)} in the first half of the {length} to {percent(second)} in the second."


def changes(rows: Sequence[Row]) -> str:
    gained = [row["ad_id"] for row in rows if row["change_points"] > 0]
    lost = [row["ad_id"] for row in rows if row["change_points"] < 0]
    parts = [f"{join(names)} {word}" for names, word in ((gained, "gained"), (lost, "wore out")) if names]
    return f"{'; '.join(parts)}."


def _rated(row: Row) -> str:
    return f"{row['ad_id']} ({percent(row['click_rate'])})"


def _rate(row: Row) -> float:
    return float(row["click_rate"])


def _of_all(rows: Sequence[Row]) -> float:
    shown = sum(row["impressions"] for row in rows)
    return 100 * float(sum(row["clicks"] for row in rows)) / shown if shown else 0.0


AD_SENTENCES: dict[str, Callable[[Sequence[Row]], str]] = {
    "01_ads.sql": best_and_worst,
    "02_hours.sql": hours,
    "03_places.sql": places,
    "04_time.sql": over_time,
    "05_changes.sql": changes,
}
