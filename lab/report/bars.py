"""Bars: by group, stacked, or a panel for each dimension."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lab.report import numbers
from lab.report.figure import PALETTE, Figure, Record, Trace, as_float, common_unit, distinct, escape, hover, shorten
from lab.report.questions import Answer
from lakelab.catalogue import LEVELS

MAX_BARS = 20
MAX_PANEL_BARS = 10


def bars(answer: Answer, rows: list[Record]) -> Figure:
    """Bars by x, one colour for each y, or for each value of the colour column when there is one y."""
    spec = answer.question.chart
    labels = [str(r[spec.x]) for r in rows]
    traces: list[Trace] = []
    if spec.color and len(spec.y) == 1:
        for at, group in enumerate(distinct(rows, spec.color)):
            part = [r for r in rows if r[spec.color] == group]
            name = "not known" if group is None else numbers.title(str(group))
            traces.append(_bar(answer, part, spec.y[0], escape(name), at))
    else:
        traces = [_bar(answer, rows, y, numbers.title(y), at) for at, y in enumerate(spec.y)]
    series = len(spec.y) if spec.kind == "bar" else 1
    layout = _bar_layout(labels, numbers.axis_title(spec.y[0]) if len(spec.y) == 1 else common_unit(spec.y))
    layout["barmode"] = "group" if spec.kind == "bar" and len(spec.y) > 1 else "relative"
    layout["showlegend"] = len(traces) > 1
    if spec.kind == "stacked":
        layout["uniformtext"] = {"mode": "hide", "minsize": 10}  # no figure where its bar is too short for it
    if spec.color:
        layout["legend"] = {"title": {"text": f"{numbers.title(spec.color)}: ", "font": {"size": 12}}}
    values = [as_float(r[y]) for r in rows for y in spec.y]
    if min(values) < 0:  # room for the figures at the ends of bars to the left
        layout["xaxis"]["range"] = [1.4 * min(values), max(1.3 * max(values), 0.0)]
    return Figure("", traces, layout, 84 + len(labels) * (20 + 12 * (series - 1) + 4), wide=True)


def panels(answer: Answer, rows: list[Record]) -> list[Figure]:
    """One figure for each dimension, on one scale, with the figure of the whole school as a line."""
    spec = answer.question.chart
    y = spec.y[0]
    school = next((r[y] for r in rows if r[spec.color] == "school"), None)
    rest = [r for r in rows if r[spec.color] != "school" and not without_data(r)]
    top = 1.18 * max((as_float(r[y]) for r in rest), default=1.0)
    found = []
    for group in distinct(rest, spec.color):
        part = _in_order([r for r in rest if r[spec.color] == group][:MAX_PANEL_BARS], spec.x)
        layout = _bar_layout([str(r[spec.x]) for r in part], numbers.axis_title(y))
        layout["xaxis"]["range"] = [0, top]
        if school is not None and group != "reason":
            layout["shapes"] = [_reference(as_float(school))]
            layout["annotations"] = [_reference_label(as_float(school), y)]
        trace = _bar(answer, part, y, "", 0)
        found.append(Figure(numbers.title(str(group)), [trace], layout, 96 + 25 * len(part)))
    return found


def without_data(row: Record) -> bool:
    """A category such as "no grade": it tells who left before there was anything to measure, and would dwarf all."""
    return str(row["category"]).startswith("no ")


def _in_order(rows: list[Record], x: str) -> list[Record]:
    """Levels, years and bands ("below 60%", "60 to 70%") in their own order, other rows as they came."""
    keys = [_rank(str(r[x])) for r in rows]
    if any(key is None for key in keys):
        return rows
    return [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0] or (0, 0))]


def _rank(label: str) -> tuple[int, int] | None:
    if label in LEVELS:
        return 0, LEVELS.index(label)
    if label == "other":
        return 2, 0
    band = re.match(r"(below )?(\d+)(\D|$)", label)
    return None if band is None else (1, 2 * int(band[2]) - bool(band[1]))


def _bar(answer: Answer, rows: list[Record], y: str, name: str, at: int) -> Trace:
    digits = numbers.decimals((r[y] for r in answer.records), y)
    stacked = answer.question.chart.kind == "stacked"
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": [r[y] for r in rows],
        "y": [escape(str(r[answer.question.chart.x])) for r in rows],
        "text": ["" if r[y] is None else numbers.cell(r[y], y, digits) for r in rows],
        "textposition": "inside" if stacked else "outside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "cliponaxis": False,
        "hovertext": [hover(answer, r) for r in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": PALETTE[at % len(PALETTE)]},
    }


def _bar_layout(labels: Sequence[str], axis: str) -> dict[str, Any]:
    """Horizontal bars, first row on top: names of any length stay readable."""
    shown = [escape(label) for label in dict.fromkeys(labels)]
    names = [escape(shorten(label)) for label in dict.fromkeys(labels)]
    return {
        "bargap": 0.28,
        "xaxis": {"title": {"text": escape(axis)}, "separatethousands": True},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": shown,
            "autorange": "reversed",
            "tickmode": "array",
            "tickvals": shown,
            "ticktext": names,
            "automargin": True,
            "showgrid": False,
            "ticklabelstandoff": 6,
        },
    }


def _reference(value: float) -> dict[str, Any]:
    line = {"dash": "dot", "width": 1.5, "color": PALETTE[5]}
    ends = {"x0": value, "x1": value, "y0": 0, "y1": 1}
    return {"type": "line", "xref": "x", "yref": "paper", "layer": "below", "line": line, **ends}


def _reference_label(value: float, column: str) -> dict[str, Any]:
    text = f"whole school {numbers.cell(value, column)}"
    return {
        "text": text,
        "x": value,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 11},
    }
