"""What the tasks of the DAG `unload_erp` do, without Airflow: it gives them connections and carries what they return.

The embedded pipeline calls the same functions.

Each returns what the next needs as plain values that fit into JSON.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2

from lakelab.catalogue import TABLES
from lakelab.checksums import (
    Checksum,
    Checksums,
    RunSql,
    compare,
    erp_checksums,
    presentation_checksums,
    stage_checksums,
)
from lakelab.database import Connect, connected, told
from lakelab.errors import LabError
from lakelab.snapshot import Snapshot, reader_at
from lakelab.storage import Storage
from lakelab.unload import Unloaded, csv_to_s3, query_to_local, write_manifest

Report = Mapping[str, Any]  # what unload_table returns

_BY_NAME = {table.name: table for table in TABLES}


def require_scale(connect: Connect, students: int) -> None:
    """LabError unless the ERP holds that many students. It guards the warehouse against the wrong school."""
    with connected(connect) as session, session.cursor() as cursor:
        try:
            cursor.execute("SELECT count(*) FROM public.students")
        except psycopg2.Error as error:
            raise told(error, "students") from None
        (found,) = cursor.fetchone()
    if found != students:
        raise LabError(
            f"the ERP has {found:,} students, this run is for {students:,}",
            where="parameter scale", fix="leave scale empty, or fill the ERP with a school of that size",
        )  # fmt: skip


def unload_table(
    table: str,
    sql: str,
    *,
    connect: Connect,
    snapshot: str,
    storage: Storage,
    stage_uri: str,
    workers: int = 2,
    folder: Path | None = None,
) -> dict[str, Any]:
    """One table from the ERP into the stage, with its checksum in the ERP at the very same moment.

    The local file, in `folder` or where the system keeps temporary ones, is gone at the end, whatever happens.
    Returns table, rows, bytes, digest and snapshot.
    """
    with tempfile.TemporaryDirectory(prefix="unload-", dir=folder) as own:
        path = Path(own) / f"{table}.csv"
        with _checksum_beside(table, connect, snapshot) as taken:
            done = query_to_local(table, sql, path, connect=connect, snapshot=snapshot, workers=workers)
            checksum = taken.result()[table]
        if checksum.rows != done.rows:  # at one moment only the script can be the reason
            raise LabError(
                f"{done.rows:,} records were unloaded, the ERP has {checksum.rows:,}",
                where=f"unload_{table}.sql", fix="select every row of the table",
            )  # fmt: skip
        csv_to_s3(path, f"{stage_uri}/{path.name}", storage)
    # As text: JSON readers may round a number of that length.
    digest = f"{checksum.digest:x}"
    return {"table": table, "rows": done.rows, "bytes": done.bytes, "digest": digest, "snapshot": snapshot}


@contextlib.contextmanager
def _checksum_beside(table: str, connect: Connect, snapshot: str) -> Iterator[Future[Checksums]]:
    """The table's checksum, by a session of its own for the length of the block. An error in the block ends it."""
    with reader_at(connect, snapshot, table) as session, ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(erp_checksums, session, [_BY_NAME[table]])
        except BaseException:
            with contextlib.suppress(psycopg2.Error):
                session.cancel()
            raise


def complete_stage(
    storage: Storage, stage_uri: str, reports: Iterable[Report], snapshot: Snapshot, date: str | None = None
) -> str:
    """Declare the stage complete; returns the manifest's address. LabError: tables are missing or of another moment."""
    by_table = {report["table"]: report for report in reports}
    missing = [table.name for table in TABLES if table.name not in by_table]
    if missing:
        raise LabError(f"not unloaded: {', '.join(missing)}", where=stage_uri, fix="run their unloads again")
    strangers = sorted(name for name, report in by_table.items() if report["snapshot"] != snapshot.id)
    if strangers:
        raise LabError(
            f"unloaded at another moment than the rest: {', '.join(strangers)}",
            where=stage_uri, fix="clear the whole run, so that all tables are unloaded at one moment",
        )  # fmt: skip
    unloaded = [Unloaded(r["table"], r["rows"], r["bytes"], Path(f"{r['table']}.csv")) for r in by_table.values()]
    return write_manifest(storage, stage_uri, unloaded, snapshot, date)


def reported(reports: Iterable[Report]) -> dict[str, Checksum]:
    """The ERP's checksums at the snapshot, as the unloads took them."""
    return {report["table"]: Checksum(report["rows"], int(report["digest"], 16)) for report in reports}


def prove(reports: Iterable[Report], storage: Storage, stage_uri: str, run_sql: RunSql | None) -> tuple[str, str]:
    """Compare the ERP, as it was at the snapshot, with the stage and the presentation.

    run_sql: None where the presentation has ended with its cluster, and the stage is all there is.
    Returns a table to read, and what differs in one line ("" when nothing does).
    """
    erp, stage = reported(reports), stage_checksums(storage, stage_uri)
    presentation = presentation_checksums(run_sql) if run_sql else None
    return _table(erp, stage, presentation), "; ".join(map(str, compare(erp, stage, presentation)))


def _table(erp: Checksums, stage: Checksums, presentation: Checksums | None) -> str:
    tiers = {"ERP": erp, "stage": stage} | ({} if presentation is None else {"presentation": presentation})
    lines = [" ".join([f"{'table':<16} {'':<9}", *(f"{name:<28}" for name in tiers)]).rstrip()]
    for table in TABLES:
        sums = [tier.get(table.name) for tier in tiers.values()]
        mark = "equal" if all(each == sums[0] for each in sums) else "DIFFERENT"
        texts = [f"{s.rows:>11,} {s.digest:x}" if s else "missing" for s in sums]
        lines.append(" ".join([f"{table.name:<16} {mark:<9}", *(f"{text:<28}" for text in texts)]).rstrip())
    return "\n".join(lines)
