"""How generating, loading and unloading grow with the school."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from bench.measure import Section, Spent, Tell, in_process, megabytes
from bench.place import scratch_lab
from lab import erp
from lab.embedded.place import Place
from lab.embedded.postgres import OWNER, UNLOADER, Postgres
from lakelab import render
from lakelab.catalogue import TABLES
from lakelab.snapshot import open_snapshot
from lakelab.unload import query_to_local
from seed.generator import generate


def growth(sizes: tuple[int, ...], workers: int, tell: Tell) -> Section:
    """One row a size and task: each task in a process of its own, whose peak memory is taken."""
    rows: list[tuple[str, ...]] = []
    with scratch_lab() as (place, _):
        folder = place.home / "school"
        for students in sizes:
            tasks = {
                "generate": partial(in_process, generate_school, folder, students, workers),
                "load": partial(in_process, load_school, place, folder),
                "unload": partial(in_process, unload_school, place, workers),
            }
            for name, task in tasks.items():
                tell(f"{students:,} students: {name}")
                rows.append(_row(students, name, task()))
            shutil.rmtree(folder)
    about = (
        "Each task in a process of its own; memory is that process and its children, without the database server's. "
        "Generating starts worker processes, which is most of its time for a small school."
    )
    return Section("Growth", about, ("students", "task", "rows", "seconds", "rows/s", "peak memory"), tuple(rows))


def _row(students: int, task: str, spent: Spent) -> tuple[str, ...]:
    speed = spent.result / spent.seconds
    figures = f"{spent.result:,}", f"{spent.seconds:.2f}", f"{speed / 1e6:.2f} M", megabytes(spent.peak)
    return f"{students:,}", task, *figures


def generate_school(folder: Path, students: int, workers: int) -> int:
    """Rows of all tables."""
    return sum(generate(folder, students=students, seed=5, workers=workers).values())


def load_school(place: Place, folder: Path) -> int:
    connect = partial(Postgres(place).connect, OWNER)
    return sum(erp.load(connect, folder, grants=render.erp_grants(OWNER, UNLOADER)).values())


def unload_school(place: Place, workers: int) -> int:
    connect = partial(Postgres(place).connect, UNLOADER)
    rows = 0
    with open_snapshot(connect) as snapshot:
        for table in TABLES:
            target = place.unload / f"{table.name}.csv"
            script = render.unload_sql(table)
            rows += query_to_local(
                table.name, script, target, connect=connect, snapshot=snapshot.id, workers=workers
            ).rows
            target.unlink()
    return rows
