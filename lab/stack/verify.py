"""`lab verify --stack`: the proof on the stack, by its published addresses."""

from __future__ import annotations

from lab import proof
from lab.report.model import TableCheck
from lab.stack.place import Stack
from lakelab.checksums import erp_checksums, presentation_checksums
from lakelab.database import connected
from lakelab.hiveserver2 import HiveServer2


def check_tables(stack: Stack, warehouse: HiveServer2) -> list[TableCheck]:
    """ERP by TCP, the stage by the AWS endpoint, the presentation by HiveServer2."""
    presentation = presentation_checksums(warehouse.rows)
    with connected(stack.connecting()) as connection:
        erp = erp_checksums(connection)
    return proof.check_tables(erp, stack.storage, stack.settings.stage_uri, presentation)
