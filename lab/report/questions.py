"""The ten questions: SQL files whose header says what is asked and how to draw the answer.

A header is comment lines at the top of `NN_slug.sql`:

    -- question: Which companies hire the most students?
    -- chart: bar x=company y=hires,apprentices
    -- note: First jobs of graduates, by company.

`chart` is a kind (bar, stacked, line, scatter) and the columns it shows: `x`, `y` (one or more, by comma) and
`color` (the column that tells series or groups apart). Header lines of the same name are joined.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lab.report.model import decode, read_json, replace_text
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

KINDS = ("bar", "stacked", "line", "scatter")
Cell = str | int | float | bool | None

_NAME = re.compile(r"(\d+)_\w+\.sql")
_HEADER = re.compile(r"--\s*(\w+):\s*(.*)")


@dataclass(frozen=True)
class ChartSpec:
    """What to draw: a kind of `KINDS`, the columns of the two axes, and the one that tells groups apart, or ""."""

    kind: str
    x: str
    y: tuple[str, ...]
    color: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.x, *self.y, *([self.color] if self.color else []))


@dataclass(frozen=True)
class Question:
    """One file; sql is the query without header and final semicolon, folder its place in the repository."""

    number: int
    file: str
    question: str
    note: str
    chart: ChartSpec
    sql: str
    folder: str = "hive/questions"

    def answer(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Answer:
        """The answer with the rows that the query gave. LabError when the chart needs a column that is not there."""
        missing = [c for c in self.chart.columns if c not in columns]
        if missing:
            raise LabError(
                f"the chart needs a column {missing[0]} that the query does not return",
                where=self.file,
                fix=f"correct the line `-- chart:`; the columns are {', '.join(columns)}",
            )
        return Answer(self, tuple(columns), tuple(tuple(_plain(cell) for cell in row) for row in rows))


@dataclass(frozen=True)
class Answer:
    """A question with the rows of its answer; every cell is text, a number, a truth value or None."""

    question: Question
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def number(self) -> int:
        return self.question.number

    @property
    def records(self) -> list[dict[str, Cell]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def load_questions(folder: Path) -> list[Question]:
    """All questions of a folder, by number. LabError when there is none, or a header is wrong."""
    paths = sorted(folder.glob("*.sql")) if folder.is_dir() else []
    if not paths:
        raise LabError("no question found", where=str(folder), fix="questions are files NN_name.sql")
    questions = [read_question(path) for path in paths]
    seen: dict[int, Question] = {}
    for question in questions:
        if question.number in seen:
            raise LabError(
                f"two questions have number {question.number}",
                where=question.file,
                fix=f"rename it or {seen[question.number].file}",
            )
        seen[question.number] = question
    return sorted(questions, key=lambda q: q.number)


def read_question(path: Path) -> Question:
    """Read one file. LabError that names the file and what its header lacks."""
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise LabError("the name of a question is a number and a word", where=path.name, fix="as in 01_students.sql")
    header, sql = _split(path.read_text(encoding="utf-8"))
    unknown = header.keys() - {"question", "chart", "note"}
    if unknown:
        raise LabError(f"unknown header {min(unknown)}", where=path.name, fix="known are question, chart and note")
    for key in ("question", "chart"):
        if not header.get(key):
            raise LabError(f"the header lacks {key}", where=path.name, fix=f"add a line `-- {key}: …` at the top")
    if not sql:
        raise LabError("there is no query after the header", where=path.name, fix="write one SELECT")
    chart = _chart(header["chart"], path.name)
    own = path.is_relative_to(REPOSITORY)
    folder = path.parent.relative_to(REPOSITORY).as_posix() if own else path.parent.name
    return Question(int(name[1]), path.name, header["question"], header.get("note", ""), chart, sql, folder)


def _split(text: str) -> tuple[dict[str, str], str]:
    """Header and query. Comment lines inside the query stay there."""
    header: dict[str, str] = {}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        found = _HEADER.fullmatch(line.strip())
        if found:
            header[found[1]] = f"{header.get(found[1], '')} {found[2]}".strip()
        elif line.strip():
            return header, "\n".join(lines[at:]).strip().rstrip(";").rstrip()
    return header, ""


def _chart(text: str, file: str) -> ChartSpec:
    kind, *pairs = text.split()
    given = dict(pair.partition("=")[::2] for pair in pairs)
    if kind not in KINDS:
        raise LabError(f"unknown kind of chart {kind}", where=file, fix=f"known are {', '.join(KINDS)}")
    unknown = given.keys() - {"x", "y", "color"}
    if unknown:
        raise LabError(f"the chart has an unknown setting {min(unknown)}", where=file, fix="known are x, y and color")
    y = tuple(filter(None, given.get("y", "").split(",")))
    if not given.get("x") or not y:
        raise LabError("the chart lacks x or y", where=file, fix="as in `-- chart: bar x=region y=students`")
    return ChartSpec(kind, given["x"], y, given.get("color", ""))


def _plain(cell: Any) -> Cell:
    """A cell as JSON can keep it. Whole decimals become int, dates ISO text; NaN means unknown, as NULL does."""
    if isinstance(cell, Decimal):
        cell = int(cell) if cell.as_tuple().exponent == 0 else float(cell)
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if cell is None or isinstance(cell, str | int):
        return cell
    return str(cell)


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    """Keep answers as JSON, so that the page can be made again without running the queries."""
    replace_text(path, json.dumps([dataclasses.asdict(a) for a in answers], ensure_ascii=False, indent=1) + "\n")


def read_answers(path: Path) -> list[Answer]:
    """Read what `write_answers` wrote. LabError when the file is missing or broken."""
    data = read_json(path)
    if not isinstance(data, list):
        raise LabError("these are not answers", where=str(path), fix="run `make demo` again")
    return [decode(Answer, item, path) for item in data]
