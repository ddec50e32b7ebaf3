"""What every chart of the page shares: the figure itself, colours, and texts safe to show."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.report import numbers
from lab.report.questions import Answer, Cell

Record = dict[str, Cell]
Trace = dict[str, Any]

# After Okabe and Ito (2008), for every kind of colour vision; each tone moved so that it stands out at least 3:1
# from both the light and the dark page.
PALETTE = ("#2f7fc4", "#d0701a", "#13936f", "#b3609a", "#8a7d1c", "#6f7a88", "#c24b3f", "#3a93b8")
_LONG_LABEL = 26


@dataclass(frozen=True)
class Figure:
    """One plotly figure: traces and layout, its height in pixels, and whether it takes the full width."""

    title: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int
    wide: bool = False


def hover(answer: Answer, row: Record) -> str:
    """The row in full, as plotly's small HTML."""
    spec = answer.question.chart
    head = str(row[spec.color]) if spec.kind in ("scatter", "line") and spec.color else str(row[spec.x])
    lines = [f"<b>{escape(head)}</b>"]
    for column in answer.columns:
        value = row[column]
        if value is None or str(value) == head or column == "folded" or column.startswith(("r_", "mae_")):
            continue
        unit = numbers.unit(column)
        shown = escape(numbers.cell(value, column)) + ("%" if unit == "%" else f" {unit}" if unit else "")
        lines.append(f"{escape(numbers.title(column))}: {shown}")
    return "<br>".join(lines)


def common_unit(columns: Sequence[str]) -> str:
    """The unit that all series share; "Count" when they are plain counts."""
    units = {numbers.unit(c) for c in columns}
    return (units.pop() or "Count") if len(units) == 1 else ""


def escape(text: str) -> str:
    """Text as plotly shows it letter by letter: it reads labels as a small HTML, in which quotes are plain."""
    return html.escape(text, quote=False)


def shorten(label: str) -> str:
    return label if len(label) <= _LONG_LABEL else f"{label[: _LONG_LABEL - 1].rstrip()}…"


def distinct(rows: list[Record], column: str) -> list[Cell]:
    return list(dict.fromkeys(r[column] for r in rows))


def as_float(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
