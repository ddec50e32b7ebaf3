"""What the jobs set aside or remarked on, counted from the quarantine."""

from __future__ import annotations

import json
from collections import Counter
from typing import BinaryIO, Protocol

from lab.report.model import Finding
from lakelab.storage import Stored

QUARANTINE = "hdfs:///dev/quarantine/ERP"


class Files(Protocol):
    """Files that can be listed and read, as every storage has them."""

    def list(self, uri: str) -> list[Stored]: ...
    def open(self, uri: str) -> BinaryIO: ...


def findings(storage: Files, uri: str = QUARANTINE) -> list[Finding]:
    """Quarantined rows by table, reason and severity. "refused" in a file is the report's "error"."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for stored in storage.list(uri):
        if not stored.uri.endswith(".json"):
            continue
        with storage.open(stored.uri) as stream:
            for line in stream:
                row = json.loads(line)
                severity = "warning" if row["severity"] == "warning" else "error"
                counts[row["table"], row["reason"], severity] += 1
    return [
        Finding(table, reason, severity, rows, f"{uri}/{table}/")
        for (table, reason, severity), rows in sorted(counts.items())
    ]
