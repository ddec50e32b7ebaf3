"""Putting what the cluster runs where the cluster finds it: jobs, SQL and the key, in the bucket."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, Settings
from lakelab.storage import Storage

EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same code makes the same archive


def publish(storage: Storage, settings: Settings, key: str, root: Path = REPOSITORY) -> int:
    """Upload jobs to `spark/`, SQL to `hive/`, the pseudonyms' key to `keys/`; returns the number of files."""
    bucket = f"s3://{settings.bucket}"
    files = {f"{bucket}/spark/{path.name}": path.read_bytes() for path in sorted((root / "spark-jobs").glob("*.py"))}
    for path in sorted((root / "hive").rglob("*")):
        if path.suffix in (".sh", ".hql", ".sql"):
            files[f"{bucket}/hive/{path.relative_to(root / 'hive').as_posix()}"] = path.read_bytes()
    if not files:
        raise LabError("no jobs to publish", where=str(root), fix="run from a full clone")
    files[f"{bucket}/spark/lakelab.zip"] = library(root)
    files[settings.key_uri] = f"{key}\n".encode()
    for uri, content in files.items():
        storage.write(uri, content)
    return len(files)


def library(root: Path = REPOSITORY) -> bytes:
    """The package `lakelab` as a ZIP for `--py-files`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((root / "lakelab").rglob("*.py")):
            info = zipfile.ZipInfo(path.relative_to(root).as_posix(), EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()
