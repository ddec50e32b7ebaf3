"""`report.html`: one page, self-contained, from the record of a run and the answers."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lab.report import charts, numbers
from lab.report.figure import Figure
from lab.report.model import RunRecord, Span, replace_text
from lab.report.questions import Answer, Cell
from lab.report.sentences import sentence
from lab.report.sqltext import highlight

_HERE = Path(__file__).parent
_WIDE_TABLE = 8


@dataclasses.dataclass(frozen=True)
class Table:
    """An answer as the page shows it. constant: title and text of each column that is the same in every row."""

    heads: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    constant: list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Card:
    """One question on the page; the figures' data are kept apart, under `{anchor}-{index}`."""

    answer: Answer
    anchor: str
    sentence: str
    sql: Markup
    table: Table
    figures: list[Figure]
    caption: str


@dataclasses.dataclass(frozen=True)
class Bar:
    """One line of the timeline; left and width in percent of the whole run."""

    span: Span
    left: float
    width: float


def write_report(path: Path, run: RunRecord, answers: Sequence[Answer]) -> None:
    """Write the page, seen whole or not at all. LabError when a query lacks a column or the folder is read-only."""
    replace_text(path, render(run, answers))


def render(run: RunRecord, answers: Sequence[Answer]) -> str:
    """The page as text."""
    from plotly.offline import get_plotlyjs

    cards = [_card(answer) for answer in sorted(answers, key=lambda a: a.number)]
    drawn = {f"{card.anchor}-{i}": figure for card in cards for i, figure in enumerate(card.figures)}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            summary=summary(run, answers),
            cards=cards,
            bars=_timeline(run),
            ticks=_ticks(_span_of(run)),
            started=_when(run.started),
            css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
            script=Markup((_HERE / "report.js").read_text(encoding="utf-8")),
            plotly=Markup(get_plotlyjs()) if drawn else "",
            figures=_json({key: {"data": f.data, "layout": f.layout} for key, f in drawn.items()}),
        )
    )


def summary(run: RunRecord, answers: Sequence[Answer]) -> str:
    """The run in one line: what there was, whether the tiers agree, how long it took."""
    parts = [numbers.count(run.students(), run.counted)]
    if run.tables:
        agree = "the same in ERP, stage and presentation" if run.equal else "but the tiers differ"
        rows = numbers.count(run.rows, "row")
        parts = [f"{parts[0]}, {numbers.count(len(run.tables), 'table')}, {rows}, {agree}"]
    parts.append(f"{numbers.count(len(answers), 'question')} answered")
    return f"{'; '.join(parts)}; the run took {numbers.seconds(run.duration)}."


def _card(answer: Answer) -> Card:
    question = answer.question
    drawn = charts.figures(answer)
    left_out = charts.caption(answer) if drawn else ""
    text = sentence(answer).replace("r = ", "r\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return Card(answer, f"q{answer.number}", text, highlight(question.sql), _table(answer), drawn, left_out)


def _table(answer: Answer) -> Table:
    """The rows as text. In a wide table, a column that is the same in every row is told once beneath it."""
    spec = answer.question.chart
    values = {column: [row[i] for row in answer.rows] for i, column in enumerate(answer.columns)}
    constant: list[str] = []
    if len(answer.columns) > _WIDE_TABLE and len(answer.rows) > 2:
        constant = [c for c in answer.columns if c not in spec.columns and len(set(values[c])) == 1]
    shown = [c for c in answer.columns if c not in constant]
    digits = {c: numbers.decimals(values[c], c) for c in answer.columns}
    return Table(
        [numbers.axis_title(c) for c in shown],
        [_is_numeric(values[c]) for c in shown],
        [[numbers.cell(record[c], c, digits[c]) for c in shown] for record in answer.records],
        [(numbers.axis_title(c), numbers.cell(values[c][0], c, digits[c])) for c in constant],
    )


def _is_numeric(values: Sequence[Cell]) -> bool:
    found = [v for v in values if v is not None]
    return bool(found) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in found)


def _span_of(run: RunRecord) -> float:
    """Seconds that the timeline shows: the whole run, never zero."""
    return max([run.duration, 0.001, *(span.start + span.duration for span in run.timeline)])


def _timeline(run: RunRecord) -> list[Bar]:
    total = _span_of(run)
    ordered = sorted(run.timeline, key=lambda span: (span.start, span.kind == "step"))
    return [Bar(s, round(100 * s.start / total, 3), round(100 * s.duration / total, 3)) for s in ordered]


def _ticks(total: float) -> list[tuple[str, float]]:
    """Round times for the axis of the timeline, with their place in percent: four to eight of them."""
    step = 10 ** math.floor(math.log10(total / 4))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10, 20) if total / (step * factor) <= 7)
    if total > 120:
        step = next(s for s in (30, 60, 120, 300, 600, 900, 1800, 3600, math.ceil(total / 4)) if total / s <= 7)
    count = int(total / step)
    return [(_clock(i * step), round(100 * i * step / total, 3)) for i in range(count + 1)]


def _clock(value: float) -> str:
    """A time since the start: 0 s, 2.5 s, 40 s, 1 min 30."""
    if value < 120:
        return f"{value:g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min" if not rest else f"{minutes} min {rest:02d}"


def _when(started: str) -> str:
    """The start for people: 30 June 2026, 14:05. Text that is not ISO 8601 stays as it is."""
    try:
        moment = dt.datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{moment.day} {moment:%B %Y, %H:%M}"


def _json(data: Any) -> Markup:
    """JSON that can stand in a script element: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": numbers.number,
        "seconds": numbers.seconds,
        "size": numbers.size,
        "count": numbers.count,
    }
    return environment
