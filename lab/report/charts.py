"""Charts as plotly figures in plain dicts; the page adds fonts and colours of its light or dark theme.

Columns that the marts share have a meaning here:
- `category` as x: `color` names the dimension that it is a category of, so each dimension gets its own panel; the
  dimension "school" is not a panel but the line that the others are compared with.
- a `category` that begins with "no ", such as "no grade", is left to the table.
- `folded` above zero: a row that gathers the small ones. It would dwarf the rest and is left to the table.
- `expected_<y>`: what y would be if x alone decided; a line in a scatter.
- `low_<n>` and `high_<n>`: an interval of n percent around the first y; `kind` "forecast" is drawn dashed.
"""

from __future__ import annotations

from lab.report import numbers
from lab.report.bars import MAX_BARS, MAX_PANEL_BARS, bars, panels, without_data
from lab.report.figure import Figure, as_float, distinct
from lab.report.lines import lines, scatter
from lab.report.questions import Answer


def figures(answer: Answer) -> list[Figure]:
    """The figures of an answer, none when there is nothing to draw."""
    spec = answer.question.chart
    rows = [r for r in answer.records if not r.get("folded") and r[spec.x] is not None]
    rows = [r for r in rows if any(isinstance(r[y], int | float) for y in spec.y)]
    if not rows:
        return []
    if spec.kind == "scatter":
        return [scatter(answer, rows)]
    if spec.kind == "line":
        return lines(answer, rows)
    if spec.x == "category" and spec.color:
        return panels(answer, rows)
    return [bars(answer, rows[:MAX_BARS])]


def caption(answer: Answer) -> str:
    """What the chart leaves out of the table, "" when it shows every row."""
    spec, parts = answer.question.chart, []
    folded = [r for r in answer.records if r.get("folded")]
    if folded:
        parts.append(numbers.join([f"“{r[spec.x]}” ({numbers.number(as_float(r['folded']))} folded)" for r in folded]))
    named = [r for r in answer.records if not r.get("folded")]
    if spec.x == "category" and spec.color:
        missing = distinct([r for r in named if without_data(r)], "category")
        parts += [f"“{category}”" for category in missing]
        named = [r for r in named if not without_data(r)]
        groups = [[r for r in named if r[spec.color] == g] for g in distinct(named, spec.color)]
        if any(len(group) > MAX_PANEL_BARS for group in groups):
            parts.append(f"what comes after the first {MAX_PANEL_BARS} of each group")
    elif spec.kind in ("bar", "stacked") and len(named) > MAX_BARS:
        parts.append(f"what comes after the first {MAX_BARS} rows")
    return f"Not in the chart, but in the table: {numbers.join(parts)}." if parts else ""
