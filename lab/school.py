"""Bringing a school into the ERP: a generated one, or a school's own files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.pipeline import Run, load_folder
from lab.report.model import Refused
from lab.timeline import Timeline
from lakelab.settings import Settings
from seed.generator import generate

if TYPE_CHECKING:
    from seed.check import CheckReport


def generate_files(
    settings: Settings, out: Path, timeline: Timeline, *, dirt: float = 0.0, workers: int | None = None
) -> dict[str, int]:
    """Make the eleven files in `out`; returns the rows of each table."""
    with timeline.stage(f"Make a school of {settings.students:,} students") as part:
        rows = generate(
            out,
            students=settings.students,
            seed=settings.seed,
            workers=workers or os.cpu_count() or 1,
            dirt=dirt,
            progress=lambda phase, done, total: part.report(done, total),
        )
        part.note(f"{sum(rows.values()):,} rows")
    return rows


def fill_generated(run: Run, dirt: float) -> None:
    """Generate a school and load it. The files hold names, so they go when the ERP has them."""
    run.seed = run.settings.seed
    generate_files(run.settings, run.place.seed, run.timeline, dirt=dirt)
    try:
        if dirt:
            _load_checked(run, run.place.seed)
        else:
            load_folder(run, run.place.seed)
    finally:
        shutil.rmtree(run.place.seed, ignore_errors=True)


def load_own(place: Place, folder: Path, timeline: Timeline) -> list[str]:
    """Check a school's own files, load what fits; returns lines that tell what was refused and where to read it."""
    with Postgres(place).running() as postgres:
        run = Run(place, timeline, postgres)
        report = _load_checked(run, folder)
    lines = [f"{file.file}: {file.lines:,} lines refused: {file.reason}" for file in run.refused]
    refused = report.total_refused
    total = sum(report.accepted.values())
    return [
        *lines,
        f"{total:,} rows loaded, {refused:,} lines refused" + (f", see {_refused(place)}" if refused else ""),
    ]


def _refused(place: Place) -> Path:
    return place.home / "refused"


def _load_checked(run: Run, folder: Path) -> CheckReport:
    from seed.check import check_folder

    clean = run.place.clean
    try:
        with run.timeline.stage("Check the files") as part:
            report = check_folder(
                folder,
                refused=_refused(run.place),
                clean=clean,
                progress=lambda table, done, total: part.report(done, total),
            )
            run.refused = [
                Refused(f"{table}.csv", reason, lines)
                for table, reasons in report.reasons.items()
                for reason, lines in reasons.items()
            ]
            part.note(f"{report.total_refused:,} lines refused")
        load_folder(run, clean)
    finally:
        shutil.rmtree(clean, ignore_errors=True)
    return report
