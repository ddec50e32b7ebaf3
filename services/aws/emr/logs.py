"""The four logs of a step: `controller`, `syslog`, `stdout`, `stderr`, gzipped under the cluster's LogUri."""

from __future__ import annotations

import contextlib
import gzip
import shutil
from datetime import datetime
from pathlib import Path

from lakelab.errors import LabError
from lakelab.storage import Storage
from services.aws.emr.executor import Part, Span, open_plain
from services.aws.emr.model import Cluster, Step

_BLOCK = 1 << 20
NAMES = ("controller", "syslog", "stdout", "stderr")


def address(cluster: Cluster, step: Step, name: str) -> str | None:
    """Where a log of the step is published; None when the cluster has no LogUri."""
    if not cluster.log_uri:
        return None
    if step.bootstrap:
        number = step.id.rpartition("-")[2]
        return f"{cluster.log_uri}/{cluster.id}/node/master/bootstrap-actions/{number}/{name}.gz"
    return f"{cluster.log_uri}/{cluster.id}/steps/{step.id}/{name}.gz"


def note(folder: Path, at: datetime, text: str, level: str = "INFO") -> None:
    """Add a line to the step's controller log."""
    with (folder / "controller").open("a") as file:
        file.write(f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {level} {text}\n")


def publish(cluster: Cluster, step: Step, folder: Path, storage: Storage) -> str | None:
    """Write the step's logs to their addresses. Returns one line when that was impossible, else None."""
    for name in NAMES:
        uri = address(cluster, step, name)
        if uri is None:
            return None
        packed = folder / f".{name}.gz"
        try:
            # No time and no file name inside: the same log gives the same bytes.
            with (
                packed.open("wb") as target,
                gzip.GzipFile("", "wb", 6, target, 0) as stream,
                contextlib.suppress(FileNotFoundError),
                open_plain(folder / name) as plain,
            ):
                shutil.copyfileobj(plain, stream, _BLOCK)
            storage.put(packed, uri)
        except LabError as error:
            return str(error)
        except OSError as error:
            return f"cannot write ({uri}): {error.strerror}"
        finally:
            packed.unlink(missing_ok=True)
    return None


def published(cluster: Cluster, step: Step, name: str, storage: Storage, limit: int | None = None) -> bytes:
    """A log as it was published, or its last bytes; empty when there is none."""
    if limit:
        part = published_part(cluster, step, name, storage, Span(None, limit))
        return part.content if part else b""
    uri = address(cluster, step, name)
    if uri is None:
        return b""
    try:
        with storage.open(uri) as stream, gzip.GzipFile(fileobj=stream) as plain:
            return plain.read()
    except (OSError, EOFError, LabError):
        return b""


def published_part(cluster: Cluster, step: Step, name: str, storage: Storage, span: Span) -> Part | None:
    """A piece of a log as it was published, with hardly more of it in memory at any time; None when there is none."""
    uri = address(cluster, step, name)
    if uri is None:
        return None
    kept, begin, size = bytearray(), 0, 0  # `kept` is what the piece may be of the `size` bytes so far, from `begin`
    try:
        with storage.open(uri) as packed, gzip.GzipFile(fileobj=packed) as plain:
            while block := plain.read(_BLOCK):
                size += len(block)
                kept += block
                surplus = len(kept) - span.most if span.start is None else min(span.start - begin, len(kept))
                if surplus > 0:
                    del kept[:surplus]
                    begin += surplus
                if span.start is not None:
                    del kept[span.most :]
    except (OSError, EOFError, LabError):
        return None
    return Part(begin, size, bytes(kept))
