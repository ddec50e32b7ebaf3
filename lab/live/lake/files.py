"""Data frames as Parquet files in HDFS, in folders that are written once and never changed.

A partition's folder is a version of it: who reads an old one goes on reading it until it is swept away, minutes later.
"""

from __future__ import annotations

import io
import time
import uuid
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from lakelab.errors import LabError
from lakelab.frames import polars
from lakelab.storage import Stored

NAME = "rows.parquet"
GRACE = 300.0  # seconds that a former folder stays: longer than a query takes
MOST = 64  # folders that one sweep deletes


class Files(Protocol):
    """What the lake needs of HDFS: `services.hadoop.commands.webhdfs` has it."""

    def list(self, uri: str) -> list[Stored]: ...
    def open(self, uri: str) -> Any: ...
    def write(self, uri: str, content: bytes) -> None: ...
    def delete(self, uri: str) -> int: ...


def read(files: Files, uri: str, schema: dict[str, Any]) -> polars.DataFrame:
    """The rows of a file. LabError: HDFS does not answer, or the file is not there."""
    try:
        with files.open(uri) as stream:
            content = stream.read()
    except FileNotFoundError:
        raise LabError("a file of the lake is not there", where=uri, fix="see `hdfs fsck /lake`") from None
    return polars.read_parquet(io.BytesIO(content), columns=list(schema))


def write(files: Files, uri: str, rows: polars.DataFrame) -> None:
    """Write rows as one file. Snappy is what every reader of Hive's has, and costs the least."""
    out = io.BytesIO()
    rows.write_parquet(out, compression="snappy", statistics=True)
    files.write(uri, out.getvalue())


def new_folder(parent: str, place: int) -> str:
    """A folder that nothing was ever in, named by the last offset that it has."""
    return f"{parent}/{max(place, 0):012d}-{uuid.uuid4().hex[:6]}"


class Sweep:
    """Deletes folders some time after they went out of use."""

    def __init__(self, files: Files, grace: float = GRACE) -> None:
        self._files, self._grace = files, grace
        self._due: deque[tuple[float, str]] = deque()

    def later(self, folders: Iterable[str], now: float | None = None) -> None:
        """These are out of use from now on."""
        when = (time.monotonic() if now is None else now) + self._grace
        self._due.extend((when, folder) for folder in folders)

    def run(self, now: float | None = None, most: int = MOST) -> int:
        """Delete what has been out of use for long enough, so many at most; returns how many folders went."""
        moment, count = time.monotonic() if now is None else now, 0
        while self._due and self._due[0][0] <= moment and count < most:
            self._files.delete(self._due[0][1])
            self._due.popleft()
            count += 1
        return count

    def all(self) -> None:
        """Delete everything that is out of use, whoever reads it still."""
        while self._due:
            self.run(float("inf"))

    def forget(self) -> None:
        self._due.clear()
