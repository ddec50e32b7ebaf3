"""`lab verify`: the proof by itself, on what is there now."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from lab import proof
from lab.embedded.place import Place
from lab.embedded.postgres import UNLOADER, Postgres
from lab.embedded.spark import Spark
from lab.report.model import Digest, TableCheck
from lab.warehouse import Warehouse
from lakelab.checksums import presentation_checksums


def embedded_checks(place: Place) -> list[TableCheck]:
    """Rows and checksums of each table in the three tiers of the embedded lab."""
    with Postgres(place).running() as postgres:
        warehouse = Warehouse(Spark(place), "lab-verify")
        connection = postgres.connect(UNLOADER)
        try:
            presentation = presentation_checksums(warehouse.rows)
            return proof.check_tables(connection, place.storage, place.settings.stage_uri, presentation)
        finally:
            connection.close()
            warehouse.close()


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
