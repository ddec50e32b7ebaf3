"""The answers on a terminal: the sentence and the first rows of each question."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.report import numbers
from lab.report.questions import Answer, Cell
from lab.report.sentences import sentence

MAX_ROWS = 8


def print_answers(console: Console, answers: Sequence[Answer]) -> None:
    """Print each answer: its sentence, then at most `MAX_ROWS` rows with as many columns as fit the width."""
    for answer in sorted(answers, key=lambda a: a.number):
        console.print()
        console.print(Text(f"{answer.number}. {answer.question.question}", style="bold"))
        console.print(Padding(Text(sentence(answer)), (0, 0, 0, 3)))
        if answer.rows:
            console.print(Padding(_table(answer, console.width - 3), (0, 0, 0, 3)))


def _table(answer: Answer, width: int) -> Table:
    rows = _rows(answer)
    columns = _columns(answer, rows, width)
    digits = {c: numbers.decimals((r[c] for r in answer.records), c) for c in columns}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        numeric = any(isinstance(r[column], int | float) for r in answer.records)
        table.add_column(
            Text(numbers.short_title(column)), justify="right" if numeric else "left", no_wrap=True, overflow="ellipsis"
        )
    for record in rows:
        # Text, never markup: a name may contain square brackets.
        table.add_row(*(Text(numbers.cell(record[c], c, digits[c])) for c in columns))
    left = len(answer.rows) - len(rows)
    if left > 0:
        table.caption = Text(f"… and {numbers.count(left, 'more row')}", style="dim")
        table.caption_justify = "left"
    return table


def _rows(answer: Answer) -> list[dict[str, Cell]]:
    """The rows to show: the newest of the first line of a line chart, the first of each dimension, or the first."""
    spec, records = answer.question.chart, answer.records
    groups = list(dict.fromkeys(r[spec.color] for r in records)) if spec.color else []
    if spec.kind == "line" and groups:
        return [r for r in records if r[spec.color] == groups[0]][-MAX_ROWS:]
    if spec.x == "category" and groups:
        each = max(1, MAX_ROWS // len(groups))
        return [r for g in groups for r in [r for r in records if r[spec.color] == g][:each]][:MAX_ROWS]
    return records[:MAX_ROWS]


def _columns(answer: Answer, rows: list[dict[str, Cell]], width: int) -> list[str]:
    """The columns of the chart and as many of the others as fit, in the order of the query; two or more."""
    spec = answer.question.chart
    first = list(dict.fromkeys([*([spec.color] if spec.color else []), spec.x, *spec.y]))
    chosen: list[str] = []
    room = width
    for column in [*first, *(c for c in answer.columns if c not in first)]:
        longest = max(len(numbers.cell(r[column], column)) for r in rows)
        room -= max(longest, len(numbers.short_title(column))) + 2
        if room < 0 and len(chosen) >= 2:
            break
        chosen.append(column)
    return [c for c in answer.columns if c in chosen]
