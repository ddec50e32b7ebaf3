"""Files of the generator: one CSV dialect, and a folder that is seen whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence, Set
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from lakelab.catalogue import TABLES, table
from lakelab.errors import LabError
from lakelab.frames import polars as pl
from seed.text import Lines

TRUTH, DIRT = "truth.json", "dirt.json"
_OURS = {f"{t.name}.csv" for t in TABLES} | {TRUTH, DIRT}


def as_csv(frame: pl.DataFrame, name: str) -> bytes:
    """The rows of table `name` in the lab's dialect, without a header line."""
    expected = table(name).column_names
    if tuple(frame.columns) != expected:
        raise AssertionError(f"columns of {name} are {frame.columns}, not {expected}")
    content = BytesIO()
    frame.write_csv(content, include_header=False)
    return content.getvalue()


def as_frame(lines: Lines, name: str) -> pl.DataFrame:
    """The rows of table `name` from their CSV text, all columns as text."""
    columns = table(name).column_names
    if not lines:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String()))
    return pl.read_csv(b"".join(lines), has_header=False, new_columns=columns, infer_schema=False)


class TableFiles:
    """The eleven files of a folder, open for appending parts in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = {t.name: 0 for t in TABLES}
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> TableFiles:
        for t in TABLES:
            self._files[t.name] = (self.folder / f"{t.name}.csv").open("wb")
            self._files[t.name].write((",".join(t.column_names) + "\n").encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def append(self, name: str, lines: Lines, rows: int) -> None:
        """Adds so many rows to the end of the table's file."""
        self._files[name].writelines(lines)
        self.rows[name] += rows

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Writes a small table's rows at once."""
        self.append(name, [bytearray(as_csv(frame, name))], frame.height)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sweep(out: Path) -> None:
    """Removes what killed runs left: their folders carry the number of a process that is gone."""
    for left in out.parent.glob(f".{out.name}.*.partial-*"):
        pid = left.name.rsplit(".", 2)[-2]
        if pid.isdigit() and int(pid) != os.getpid() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _check_target(out: Path, ours: Set[str]) -> None:
    """An existing folder may be replaced only when nothing but a generator's files is in it."""
    if out.exists() and not out.is_dir():
        raise LabError("not a folder", where=str(out), fix="choose another folder for the generated files")
    strange: Sequence[str] = [] if not out.exists() else sorted(p.name for p in out.iterdir() if p.name not in ours)
    if strange:
        raise LabError(
            f"the folder holds something else: {strange[0]}", where=str(out), fix="choose an empty or new folder"
        )


@contextlib.contextmanager
def new_folder(out: Path, ours: Set[str] = _OURS) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block ends well, and is removed when it does not.

    ours: names of what may be in `out` from an earlier run.
    LabError: `out` holds other files, cannot be written, or the disk is full.
    """
    out = out.absolute()
    _check_target(out, ours)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.{os.getpid()}.partial-", dir=out.parent))
        try:
            yield fresh
            fresh.chmod(0o755)
            if out.exists():
                old = fresh.with_name(fresh.name + "-old")
                out.rename(old)
                fresh.rename(out)
                shutil.rmtree(old)
            else:
                fresh.rename(out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        what = "the disk is full" if full else f"cannot write the generated files, {error.strerror or error}"
        fix = "free some space or generate less" if full else "choose a folder that you may write to"
        raise LabError(what, where=str(out), fix=fix) from error
