"""What Terraform copies into the bucket and is made first: the library for Spark, and the code of the scheduler.

The same files make the same archives, so that a plan shows a change only where there is one.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from lab.publish import library
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

# What the images of postgres, lab and airflow are built from, and what starts them.
PARTS = (
    "compose", "dags", "debezium", "hive", "lab", "lakelab", "pyproject.toml", "README.md", "seed", "services",
    "spark-jobs", "terraform/modules/erp_scheduler/files", "uv.lock", ".dockerignore",
)  # fmt: skip
_LEFT_OUT = {"__pycache__", "node_modules"}


def make(folder: Path, root: Path = REPOSITORY) -> Path:
    """Write lakelab.zip and lakelab.tar.gz into the folder; returns it. LabError where the clone is not whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lakelab.zip").write_bytes(library(root))
    (folder / "lakelab.tar.gz").write_bytes(code(root))
    return folder


def code(root: Path = REPOSITORY) -> bytes:
    """The code of the scheduler as a tar, compressed."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for path in _files(root):
            about = tarfile.TarInfo(path.relative_to(root).as_posix())
            content = path.read_bytes()
            about.size, about.mode = len(content), 0o755 if path.stat().st_mode & 0o100 else 0o644
            archive.addfile(about, io.BytesIO(content))
    return buffer.getvalue()


def _files(root: Path) -> list[Path]:
    found: list[Path] = []
    for part in PARTS:
        path = root / part
        if not path.exists():
            raise LabError("the clone is not whole", where=str(path), fix="run from a full clone")
        found += [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sorted(path for path in found if not _LEFT_OUT & set(path.relative_to(root).parts))
