"""Charts as plotly figures in plain dicts; the page adds fonts and colours of its light or dark theme.

Columns that the marts share have a meaning here:
- `category` as x: `color` names the dimension that it is a category of, so each dimension gets its own panel; the
  dimension "school" is not a panel but the line that the others are compared with.
- `folded` above zero: a row that gathers the small ones. It would dwarf the rest and is left to the table.
- `expected_<y>`: what y would be if x alone decided; a line in a scatter.
- `low_<n>` and `high_<n>`: an interval of n percent around the first y; `kind` "forecast" is drawn dashed.
"""

from __future__ import annotations

import html
import re
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
MAX_BARS = 20
MAX_PANEL_BARS = 10
_LONG_LABEL = 26


@dataclass(frozen=True)
class Figure:
    """One plotly figure: traces and layout, its height in pixels, and whether it takes the full width."""

    title: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int
    wide: bool = False


def figures(answer: Answer) -> list[Figure]:
    """The figures of an answer, none when there is nothing to draw."""
    spec = answer.question.chart
    rows = [r for r in answer.records if not r.get("folded") and r[spec.x] is not None]
    rows = [r for r in rows if any(isinstance(r[y], int | float) for y in spec.y)]
    if not rows:
        return []
    if spec.kind == "scatter":
        return [_scatter(answer, rows)]
    if spec.kind == "line":
        return _lines(answer, rows)
    if spec.x == "category" and spec.color:
        return _panels(answer, rows)
    return [_bars(answer, rows[:MAX_BARS])]


def caption(answer: Answer) -> str:
    """What the chart leaves out of the table, "" when it shows every row."""
    spec, parts = answer.question.chart, []
    folded = [r for r in answer.records if r.get("folded")]
    if folded:
        parts.append(numbers.join([f"“{r[spec.x]}” ({numbers.number(_float(r['folded']))} folded)" for r in folded]))
    named = [r for r in answer.records if not r.get("folded")]
    if spec.x == "category" and spec.color:
        groups = [[r for r in named if r[spec.color] == g] for g in _distinct(named, spec.color)]
        if any(len(group) > MAX_PANEL_BARS for group in groups):
            parts.append(f"what comes after the first {MAX_PANEL_BARS} of each group")
    elif spec.kind in ("bar", "stacked") and len(named) > MAX_BARS:
        parts.append(f"what comes after the first {MAX_BARS} rows")
    return f"Not in the chart, but in the table: {numbers.join(parts)}." if parts else ""


def _bars(answer: Answer, rows: list[Record]) -> Figure:
    """Bars by x, one colour for each y, or for each value of the colour column when there is one y."""
    spec = answer.question.chart
    labels = [str(r[spec.x]) for r in rows]
    traces: list[Trace] = []
    if spec.color and len(spec.y) == 1:
        for at, group in enumerate(_distinct(rows, spec.color)):
            part = [r for r in rows if r[spec.color] == group]
            traces.append(_bar(answer, part, spec.y[0], numbers.title(str(group)), at))
    else:
        traces = [_bar(answer, rows, y, numbers.title(y), at) for at, y in enumerate(spec.y)]
    series = len(spec.y) if spec.kind == "bar" else 1
    layout = _bar_layout(labels, numbers.axis_title(spec.y[0]) if len(spec.y) == 1 else _common_unit(spec.y))
    layout["barmode"] = "group" if spec.kind == "bar" and len(spec.y) > 1 else "relative"
    layout["showlegend"] = len(traces) > 1
    values = [_float(r[y]) for r in rows for y in spec.y]
    if min(values) < 0:  # room for the figures at the ends of bars to the left
        layout["xaxis"]["range"] = [1.4 * min(values), max(1.3 * max(values), 0.0)]
    return Figure("", traces, layout, 84 + len(labels) * (20 + 12 * (series - 1) + 4), wide=True)


def _panels(answer: Answer, rows: list[Record]) -> list[Figure]:
    """One figure for each dimension, on one scale, with the figure of the whole school as a line."""
    spec = answer.question.chart
    y = spec.y[0]
    school = next((r[y] for r in rows if r[spec.color] == "school"), None)
    rest = [r for r in rows if r[spec.color] != "school"]
    top = 1.18 * max((_float(r[y]) for r in rest), default=1.0)
    found = []
    for group in _distinct(rest, spec.color):
        part = [r for r in rest if r[spec.color] == group][:MAX_PANEL_BARS]
        layout = _bar_layout([str(r[spec.x]) for r in part], numbers.axis_title(y))
        layout["xaxis"]["range"] = [0, top]
        if school is not None and group != "reason":
            layout["shapes"] = [_reference(_float(school))]
            layout["annotations"] = [_reference_label(_float(school), y)]
        trace = _bar(answer, part, y, "", 0)
        found.append(Figure(numbers.title(str(group)), [trace], layout, 96 + 25 * len(part)))
    return found


def _bar(answer: Answer, rows: list[Record], y: str, name: str, at: int) -> Trace:
    digits = numbers.decimals(r[y] for r in answer.records)
    stacked = answer.question.chart.kind == "stacked"
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": [r[y] for r in rows],
        "y": [_escape(str(r[answer.question.chart.x])) for r in rows],
        "text": ["" if r[y] is None else numbers.cell(r[y], y, digits) for r in rows],
        "textposition": "inside" if stacked else "outside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "cliponaxis": False,
        "hovertext": [_hover(answer, r) for r in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": PALETTE[at % len(PALETTE)]},
    }


def _bar_layout(labels: Sequence[str], axis: str) -> dict[str, Any]:
    """Horizontal bars, first row on top: names of any length stay readable."""
    shown = [_escape(label) for label in dict.fromkeys(labels)]
    names = [_escape(_shorten(label)) for label in dict.fromkeys(labels)]
    return {
        "bargap": 0.28,
        "xaxis": {"title": {"text": _escape(axis)}, "separatethousands": True},
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


def _scatter(answer: Answer, rows: list[Record]) -> Figure:
    """Points with their names beside them, and the line of what x alone would give, where it is known."""
    spec = answer.question.chart
    y = spec.y[0]
    traces: list[Trace] = []
    expected = f"expected_{y}"
    if expected in answer.columns:
        line = sorted((_float(r[spec.x]), _float(r[expected])) for r in rows if r[expected] is not None)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{numbers.title(y)} if {numbers.title(spec.x).lower()} alone decided",
                "x": [point[0] for point in line],
                "y": [point[1] for point in line],
                "hoverinfo": "skip",
                "line": {"dash": "dot", "width": 1.5, "color": PALETTE[5]},
            }
        )
    label = spec.color or spec.x
    traces.append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": numbers.title(y),
            "x": [r[spec.x] for r in rows],
            "y": [r[y] for r in rows],
            "text": [_escape(_shorten(str(r[label]))) for r in rows],
            "textfont": {"size": 12},
            "cliponaxis": False,
            "hovertext": [_hover(answer, r) for r in rows],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"color": PALETTE[0], "size": 11, "opacity": 0.9},
        }
    )
    xs, ys = [_float(r[spec.x]) for r in rows], [_float(r[y]) for r in rows]
    room = 0.12 * (max(xs) - min(xs) or 1.0)
    # Fixed ranges: the page finds room for the names beside the points (report.js) from them.
    across, up = [min(xs) - room, max(xs) + room], [min(0.0, 1.1 * min(ys)), 1.12 * max(ys)]
    layout = {
        "xaxis": {"title": {"text": numbers.axis_title(spec.x)}, "range": across, "separatethousands": True},
        "yaxis": {"title": {"text": numbers.axis_title(y)}, "range": up, "automargin": True, "separatethousands": True},
        "showlegend": len(traces) > 1,
    }
    return Figure("", traces, layout, 440, wide=True)


def _lines(answer: Answer, rows: list[Record]) -> list[Figure]:
    """Lines over x: one figure with a line for each group, or a figure for each group where there are intervals."""
    spec = answer.question.chart
    groups = _distinct(rows, spec.color) if spec.color else [None]
    mains = [y for y in spec.y if not _INTERVAL.fullmatch(y)]
    if len(mains) < len(spec.y):
        found: list[Figure] = []
        for group in groups:
            part = [r for r in rows if not spec.color or r[spec.color] == group]
            found.append(_forecast(answer, part, mains[0], "" if group is None else str(group), wide=not found))
        return found
    traces: list[Trace] = []
    for group in groups:
        for y in mains:
            part = [r for r in rows if not spec.color or r[spec.color] == group]
            name = numbers.title(y) if group is None else str(group)
            traces.append(_line(answer, part, y, _escape(name), len(traces)))
    layout = _line_layout(spec.x, numbers.axis_title(mains[0]) if len(mains) == 1 else _common_unit(mains))
    return [Figure("", traces, {**layout, "showlegend": len(traces) > 1}, 400, wide=True)]


_INTERVAL = re.compile(r"(low|high)_(\d+)")


def _forecast(answer: Answer, rows: list[Record], y: str, name: str, *, wide: bool) -> Figure:
    """What was measured as a full line, what is forecast as a dashed one, in the bands of its intervals."""
    x = answer.question.chart.x
    past = [r for r in rows if r.get("kind") != "forecast"]
    future = [r for r in rows if r.get("kind") == "forecast"]
    levels = sorted({m[2] for c in answer.columns if (m := _INTERVAL.fullmatch(c))}, key=int, reverse=True)
    traces: list[Trace] = []
    for level in levels:
        low, high = f"low_{level}", f"high_{level}"
        band = [r for r in future if r.get(low) is not None and r.get(high) is not None]
        if not band:
            continue
        start = past[-1:]  # the band opens from the last measured point
        xs = [r[x] for r in [*start, *band]]
        upper = [*(r[y] for r in start), *(r[high] for r in band)]
        lower = [*(r[y] for r in start), *(r[low] for r in band)]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{level}% interval",
                "x": xs + xs[::-1],
                "y": upper + lower[::-1],
                "fill": "toself",
                "fillcolor": "rgba(208,112,26,0.16)",
                "line": {"width": 0},
                "legendrank": 2000,  # after the lines
                "hoverinfo": "skip",
            }
        )
    traces.append(_line(answer, past, y, "actual", 0))
    if future:
        dashed = _line(answer, [*past[-1:], *future], y, "forecast", 1)
        dashed["line"]["dash"] = "dash"
        traces.append(dashed)
    layout = {**_line_layout(x, numbers.axis_title(y)), "showlegend": wide}
    return Figure(name[:1].upper() + name[1:], traces, layout, 420 if wide else 230, wide)


def _line(answer: Answer, rows: list[Record], y: str, name: str, at: int) -> Trace:
    symbols = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "triangle-down")
    colour = PALETTE[at % len(PALETTE)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [r[answer.question.chart.x] for r in rows],
        "y": [r[y] for r in rows],
        "hovertext": [_hover(answer, r) for r in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"color": colour, "width": 2.5},
        "marker": {"color": colour, "size": 6, "symbol": symbols[at % len(symbols)]},
    }


def _line_layout(x: str, axis: str) -> dict[str, Any]:
    across: dict[str, Any] = {"title": {"text": numbers.axis_title(x)}, "showgrid": False}
    if numbers.whole(x):
        across |= {"tickformat": "d", "nticks": 8}
    up = {"title": {"text": axis}, "rangemode": "tozero", "automargin": True, "separatethousands": True}
    return {"xaxis": across, "yaxis": up}


def _hover(answer: Answer, row: Record) -> str:
    """The row in full, as plotly's small HTML."""
    spec = answer.question.chart
    head = str(row[spec.color]) if spec.kind in ("scatter", "line") and spec.color else str(row[spec.x])
    lines = [f"<b>{_escape(head)}</b>"]
    for column in answer.columns:
        value = row[column]
        if value is None or str(value) == head or column == "folded" or column.startswith(("r_", "mae_")):
            continue
        unit = numbers.unit(column)
        shown = _escape(numbers.cell(value, column)) + ("%" if unit == "%" else f" {unit}" if unit else "")
        lines.append(f"{_escape(numbers.title(column))}: {shown}")
    return "<br>".join(lines)


def _common_unit(columns: Sequence[str]) -> str:
    """The unit that all series share; "Count" when they are plain counts."""
    units = {numbers.unit(c) for c in columns}
    return (units.pop() or "Count") if len(units) == 1 else ""


def _escape(text: str) -> str:
    """Text as plotly shows it letter by letter: it reads labels as a small HTML, in which quotes are plain."""
    return html.escape(text, quote=False)


def _shorten(label: str) -> str:
    return label if len(label) <= _LONG_LABEL else f"{label[: _LONG_LABEL - 1].rstrip()}…"


def _distinct(rows: list[Record], column: str) -> list[Cell]:
    return list(dict.fromkeys(r[column] for r in rows))


def _float(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
