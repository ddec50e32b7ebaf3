"""`lab sql`: one query, or a shell."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.warehouse import Asked
from lakelab.errors import LabError

LEAVE = {"exit", "quit", r"\q"}
HELP = "End a query with ; and leave with exit. Tables: show tables;"


def ask(warehouse: Asked, query: str, form: str) -> None:
    """Run one query and print its rows as `table`, `csv` or `json`."""
    show(*warehouse.query(query.rstrip().rstrip(";")), form)


def shell(warehouse: Asked, form: str) -> None:
    """Read queries until the end of input. An error is shown and the shell goes on."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # line editing and history, where the machine has it
    print(HELP, file=sys.stderr)
    for query in _queries():
        try:
            show(*warehouse.query(query), form)
        except LabError as error:
            print(error, file=sys.stderr)


def _queries() -> Any:
    lines: list[str] = []
    while True:
        try:
            line = input("   ...> " if lines else "lab sql> ")
        except EOFError:
            if any(part.strip() for part in lines):
                yield "\n".join(lines)
            return
        if not lines and line.strip().rstrip(";").lower() in LEAVE:
            return
        lines.append(line)
        if line.rstrip().endswith(";"):
            query = "\n".join(lines).rstrip().rstrip(";")
            lines = []
            if query.strip():
                yield query


def show(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> None:
    """Print rows to standard output. NULL is an empty field in CSV, null in JSON, NULL in a table."""
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([columns, *rows])
    elif form == "json":
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=True)), default=str, ensure_ascii=False))
    else:
        table = Table(*columns)
        for row in rows:
            table.add_row(*("[dim]NULL[/]" if value is None else _plain(value) for value in row))
        Console().print(table, f"{len(rows):,} rows", highlight=False)


def _plain(value: Any) -> str:
    return str(value).replace("[", r"\[")
