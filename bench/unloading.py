"""Unloading against `psql \\copy` of the same query: same bytes, less time."""

from __future__ import annotations

import filecmp
import os
import statistics
import subprocess
from functools import partial
from pathlib import Path

from bench.measure import Section, Tell, alternate, megabytes, ratio
from bench.place import scratch_lab
from lab.embedded.postgres import OWNER, ROLES, UNLOADER, Postgres
from lakelab import render
from lakelab.catalogue import DATABASE, GRADES, TABLES
from lakelab.errors import LabError
from lakelab.unload import Compression, query_to_local

PSQL = "psql \\copy"
WAYS: tuple[tuple[int, Compression | None], ...] = ((1, None), (2, None), (2, "gzip"), (2, "zstd"))
SCRIPT = render.unload_sql(GRADES)
# Grades as the generator spreads them, without the rest of the school: the unload reads one table.
FILL = """
INSERT INTO public.grades
SELECT i, 820001 + i / 25, (ARRAY['5DATA', '4ARCH', '4CCNA', '4DATA', '4DOKR'])[1 + i % 5],
       date '2016-09-01' + i % 3500, CASE WHEN i % 50 > 0 THEN (i * 31::bigint % 1001) / 10.0 END
FROM generate_series(1, {rows}) AS i
"""


def unload_against_psql(grades: int, rounds: int, tell: Tell) -> Section:
    """Medians over the rounds; the ratio is to `psql \\copy` of the very same SELECT."""
    with scratch_lab() as (place, server):
        tell(f"filling {grades:,} grades")
        _fill(server, grades)
        target = place.home / "unload"
        psql = target / "psql.csv"
        ways = {PSQL: partial(psql_copy, server, SCRIPT, psql)}
        for workers, compression in WAYS:
            name = f"{workers} backend{'s' if workers > 1 else ''}" + (f", {compression}" if compression else "")
            ways[name] = partial(_ours, server, target / f"{name}.csv", workers, compression)
        seconds = alternate(ways, rounds, tell)
        for name in ("1 backend", "2 backends"):
            if not filecmp.cmp(psql, target / f"{name}.csv", shallow=False):
                raise LabError(f"the file of {name} differs from that of psql", where="bench", fix="report it")
        sizes = {name: (target / f"{'psql' if name.startswith('psql') else name}.csv").stat().st_size for name in ways}
    rows = tuple(
        (
            name,
            f"{statistics.median(seconds[name]):.2f}",
            f"{grades / statistics.median(seconds[name]) / 1e6:.2f} M",
            megabytes(sizes[name]),
            f"{ratio(seconds[PSQL], seconds[name]):.2f} x" if name != PSQL else "1",
        )
        for name in ways
    )
    about = (
        f"{grades:,} grades, the script of the catalogue, {rounds} alternating rounds. The uncompressed files are "
        "compared byte by byte."
    )
    return Section("Unload", about, ("way", "seconds", "rows/s", "file", "as fast as psql"), rows)


def _fill(server: Postgres, rows: int) -> None:
    connection = server.connect(OWNER)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(render.erp_tables()[TABLES.index(GRADES)])
        cursor.execute(FILL.format(rows=rows))
        cursor.execute("VACUUM (FREEZE, ANALYZE) public.grades")
        cursor.execute(f"GRANT SELECT ON public.grades TO {UNLOADER}")
    connection.close()


def psql_copy(server: Postgres, script: str, target: Path) -> None:
    """Unload one table the plain way, as the same user."""
    query = " ".join(line.strip() for line in script.splitlines() if not line.startswith("--"))
    address = f"host=127.0.0.1 port={server.port} user={UNLOADER} dbname={DATABASE}"
    done = subprocess.run(
        [server.binaries / "psql", "-X", "-q", "-d", address, "-c", f"\\copy ({query}) TO '{target}' CSV"],
        env={**os.environ, "PGPASSWORD": server.place.secrets[ROLES[UNLOADER]]},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError("psql failed", where=(done.stderr.splitlines() or ["no reason given"])[-1])


def _ours(server: Postgres, target: Path, workers: int, compression: Compression | None) -> None:
    connect = partial(server.connect, UNLOADER)
    query_to_local("grades", SCRIPT, target, connect=connect, workers=workers, compression=compression)
