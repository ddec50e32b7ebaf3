"""Lines over time with forecasts, and points with names."""

from __future__ import annotations

import re
from typing import Any

from lab.report import numbers
from lab.report.figure import PALETTE, Figure, Record, Trace, as_float, common_unit, distinct, escape, hover, shorten
from lab.report.questions import Answer

_INTERVAL = re.compile(r"(low|high)_(\d+)")


def scatter(answer: Answer, rows: list[Record]) -> Figure:
    """Points with their names beside them, and the line of what x alone would give, where it is known."""
    spec = answer.question.chart
    y = spec.y[0]
    traces: list[Trace] = []
    expected = f"expected_{y}"
    if expected in answer.columns:
        line = sorted((as_float(r[spec.x]), as_float(r[expected])) for r in rows if r[expected] is not None)
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
            "text": [escape(shorten(str(r[label]))) for r in rows],
            "textfont": {"size": 12},
            "cliponaxis": False,
            "hovertext": [hover(answer, r) for r in rows],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"color": PALETTE[0], "size": 11, "opacity": 0.9},
        }
    )
    xs, ys = [as_float(r[spec.x]) for r in rows], [as_float(r[y]) for r in rows]
    room = 0.12 * (max(xs) - min(xs) or 1.0)
    # Fixed ranges: the page finds room for the names beside the points (report.js) from them.
    across, up = [min(xs) - room, max(xs) + room], [min(0.0, 1.1 * min(ys)), 1.12 * max(ys)]
    layout = {
        "xaxis": {"title": {"text": numbers.axis_title(spec.x)}, "range": across, "separatethousands": True},
        "yaxis": {"title": {"text": numbers.axis_title(y)}, "range": up, "automargin": True, "separatethousands": True},
        "showlegend": len(traces) > 1,
    }
    return Figure("", traces, layout, 440, wide=True)


def lines(answer: Answer, rows: list[Record]) -> list[Figure]:
    """Lines over x: one figure with a line for each group, or a figure for each group where there are intervals."""
    spec = answer.question.chart
    groups = distinct(rows, spec.color) if spec.color else [None]
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
            traces.append(_line(answer, part, y, escape(name), len(traces)))
    layout = _line_layout(spec.x, numbers.axis_title(mains[0]) if len(mains) == 1 else common_unit(mains))
    return [Figure("", traces, {**layout, "showlegend": len(traces) > 1}, 400, wide=True)]


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
    if not wide:
        layout["xaxis"] |= {"nticks": 4, "tickangle": 0}
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
        "hovertext": [hover(answer, r) for r in rows],
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
