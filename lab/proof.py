"""The proof of a run: every table has the same records in the ERP, in the stage and in the presentation."""

from __future__ import annotations

from collections.abc import Iterable

from lab.report.model import Digest, TableCheck
from lakelab.catalogue import TABLES
from lakelab.checksums import Checksum, Checksums, compare, stage_checksums
from lakelab.errors import LabError
from lakelab.storage import Storage


def check_tables(erp: Checksums, storage: Storage, stage_uri: str, presentation: Checksums) -> list[TableCheck]:
    """Compare the three tiers, table by table."""
    stage = stage_checksums(storage, stage_uri)
    return [
        TableCheck(name, _digest(erp, name), _digest(stage, name), _digest(presentation, name))
        for name in (table.name for table in TABLES)
    ]


def require_equal(checks: Iterable[TableCheck]) -> None:
    """LabError that names each table that differs and where."""
    tiers = [
        {c.table: Checksum(d.rows, int(d.checksum, 16)) for c in checks if (d := getattr(c, tier)) is not None}
        for tier in ("erp", "stage", "presentation")
    ]
    differences = compare(*tiers)
    if differences:
        raise LabError("; ".join(map(str, differences)), where="proof", fix="run the pipeline again")


def _digest(sums: Checksums, table: str) -> Digest | None:
    found = sums.get(table)
    return Digest(found.rows, f"{found.digest:x}") if found else None
