"""`lab verify`: the proof by itself, on what is there now."""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.table import Table

from lab import proof
from lab.embedded.place import Place
from lab.embedded.postgres import UNLOADER, Postgres
from lab.report.model import Digest, TableCheck
from lab.warehouse import opened
from lakelab.checksums import erp_checksums, presentation_checksums
from lakelab.database import connected


def embedded_checks(place: Place) -> list[TableCheck]:
    """Rows and checksums of each table in the three tiers of the embedded lab."""
    connect = partial(Postgres(place).connect, UNLOADER)
    with opened(place, "lab-verify") as warehouse, connected(connect) as connection:
        presentation = presentation_checksums(warehouse.rows)
        erp = erp_checksums(connection)
        return proof.check_tables(erp, place.storage, place.settings.stage_uri, presentation)


def show(checks: list[TableCheck], console: Console) -> None:
    """Print what each tier has of each table. LabError when one differs."""
    table = Table("table", "ERP", "stage", "presentation", "")
    for check in checks:
        mark = "[green]✓" if check.equal else "[red]✗"
        table.add_row(check.table, *map(_text, (check.erp, check.stage, check.presentation)), mark)
    console.print(table)
    proof.require_equal(checks)


def _text(digest: Digest | None) -> str:
    return f"{digest.rows:,} rows {digest.checksum}" if digest else "missing"
