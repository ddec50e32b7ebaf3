"""Unloading the ERP: each table by COPY into a file, all tables as of one moment, then into the stage.

These are the functions behind the tasks `query_to_local` and `csv_to_s3` of the DAG `unload_erp`. COPY costs the
server processor time, not the network, so a large table is read by several backends at once, each over a range of
pages (ctid), in the same exported snapshot. The parts are joined in page order: the file is the same as one stream
would write.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import psycopg2

from lakelab.database import Connect, Progress, told
from lakelab.errors import LabError
from lakelab.script import Script
from lakelab.snapshot import Snapshot, open_snapshot, reader_at
from lakelab.storage import Storage

Compression = Literal["gzip", "zstd"]
SUFFIX: dict[Compression | None, str] = {None: "", "gzip": ".gz", "zstd": ".zst"}
MANIFEST = "_manifest.json"

# Below this a second connection costs more than it saves; 8 KiB pages, so 8 MiB of table.
PARALLEL_FROM_PAGES = 1024
_BUFFER = 1 << 20  # bytes between two writes
_POLL = 0.1  # seconds between two progress reports


@dataclass(frozen=True)
class Unloaded:
    """One table in one local file: records, and bytes as written (after compression)."""

    table: str
    rows: int
    bytes: int
    path: Path


def query_to_local(
    table: str,
    sql: str,
    destination: Path,
    *,
    connect: Connect,
    snapshot: str | None = None,
    workers: int = 2,
    compression: Compression | None = None,
    progress: Progress | None = None,
) -> Unloaded:
    """Write what a script selects from one table to a CSV file without header, in the order of the table's pages.

    sql: one SELECT with the marker `/*slice*/` after its FROM.  snapshot: from `open_snapshot`; without one the
    table's own moment is taken.  workers: backends for a large table.  The file appears whole or not at all;
    compressed slices are members of one gzip file or frames of one zstd file, which `zcat` and `zstdcat` join.

    Raises LabError: no connection, credentials, missing table, missing rights, a script that is not one SELECT
    with the marker, a destination that cannot be written.
    """
    script = Script.parse(sql, table)
    if snapshot is None:
        with open_snapshot(connect) as own:
            return query_to_local(
                table, sql, destination, connect=connect, snapshot=own.id, workers=workers,
                compression=compression, progress=progress,
            )  # fmt: skip
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(reader_at(connect, snapshot, table))
        ranges = _ranges(first, table, workers)
        others = [stack.enter_context(reader_at(connect, snapshot, table)) for _ in ranges[1:]]
        parts = stack.enter_context(_temporary_files(destination, len(ranges)))
        slices = [
            _Slice(table, session, script.slice(span), part, compression)
            for session, span, part in zip([first, *others], ranges, parts, strict=True)
        ]
        rows = sum(_run(slices, table, progress))
        with _writing(destination):
            _join(parts)
            size = parts[0].stat().st_size
            parts[0].replace(destination)
    if progress:
        progress(table, size, size)
    return Unloaded(table, rows, size, destination)


def csv_to_s3(path: Path, uri: str, storage: Storage) -> int:
    """Put an unloaded file at its address in the stage; returns its bytes. LabError: no such file, no bucket."""
    try:
        size = path.stat().st_size
    except OSError:
        raise LabError(f"{path.name} was not unloaded", where=str(path), fix="run query_to_local first") from None
    storage.put(path, uri)
    return size


def write_manifest(
    storage: Storage, stage_uri: str, unloaded: Iterable[Unloaded], snapshot: Snapshot, date: str | None = None
) -> str:
    """Declare the stage complete: `_manifest.json`, written last, with each table's file, records and bytes.

    date: the day that the data stand for, where the run has one.  Returns the address. Who reads the stage waits
    for it; `withdraw_manifest` takes it away before new files come.
    """
    tables = {u.table: {"file": u.path.name, "rows": u.rows, "bytes": u.bytes} for u in unloaded}
    day = {"date": date} if date else {}
    content = {**day, "snapshot": dataclasses.asdict(snapshot), "tables": dict(sorted(tables.items()))}
    uri = f"{stage_uri.rstrip('/')}/{MANIFEST}"
    storage.write(uri, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return uri


def read_manifest(storage: Storage, stage_uri: str) -> dict[str, Any]:
    """The manifest as written. LabError when the stage is not complete."""
    uri = f"{stage_uri.rstrip('/')}/{MANIFEST}"
    try:
        with storage.open(uri) as stream:
            return cast("dict[str, Any]", json.load(stream))
    except FileNotFoundError:
        raise LabError("the stage is not complete", where=uri, fix="unload the ERP to it first") from None


def withdraw_manifest(storage: Storage, stage_uri: str) -> None:
    """Declare the stage incomplete, before its files change."""
    storage.delete(f"{stage_uri.rstrip('/')}/{MANIFEST}")


def _ranges(session: Any, table: str, workers: int) -> list[tuple[int, int | None]]:
    """Ranges of pages, half open, about equal; the last has no end, for pages that the table grows meanwhile."""
    try:
        with session.cursor() as cursor:
            cursor.execute(
                "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int", (f"public.{table}",)
            )
            pages = int(cursor.fetchone()[0])
    except psycopg2.Error as error:
        raise told(error, table) from None
    count = max(1, workers) if pages >= PARALLEL_FROM_PAGES else 1
    starts = [pages * i // count for i in range(count)]
    return list(zip(starts, [*starts[1:], None], strict=True))


@dataclass(frozen=True)
class _Slice:
    """One range of pages on its way from one backend into one file."""

    table: str
    session: Any
    query: str
    path: Path
    compression: Compression | None

    def run(self) -> int:
        """Copy it; returns the records, as the server counts them."""
        with _writing(self.path), _writer(self.path, self.compression) as stream, self.session.cursor() as cursor:
            try:
                cursor.copy_expert(f"COPY ({self.query}\n) TO STDOUT (FORMAT csv)", stream)
            except psycopg2.Error as error:
                raise told(error, self.table) from None
            return int(cursor.rowcount)


def _run(slices: list[_Slice], table: str, progress: Progress | None) -> list[int]:
    """Copy all slices at once. The first error, or Ctrl-C, cancels the others on the server."""
    with ThreadPoolExecutor(len(slices), thread_name_prefix=f"unload-{table}") as pool:
        running: list[Future[int]] = [pool.submit(each.run) for each in slices]
        try:
            pending = set(running)
            while pending:
                done, pending = wait(pending, timeout=_POLL, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if progress and pending:
                    progress(table, sum(each.path.stat().st_size for each in slices), None)
        except BaseException:
            for each in slices:
                with contextlib.suppress(psycopg2.Error):
                    each.session.cancel()
            raise
        return [future.result() for future in running]


@contextlib.contextmanager
def _writer(path: Path, compression: Compression | None) -> Iterator[BinaryIO]:
    """A stream into the file; buffered in front of the compressor too, as COPY hands over one record at a time."""
    with contextlib.ExitStack() as stack:
        if compression is None:
            yield stack.enter_context(path.open("wb", buffering=_BUFFER))
            return
        target = stack.enter_context(path.open("wb", buffering=0))
        if compression == "gzip":
            # No name and no time in the header: the same rows give the same bytes. Level 1: speed is the aim.
            packed: Any = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=target, mtime=0)
        else:
            packed = _zstd().ZstdCompressor(level=1).stream_writer(target, closefd=False)
        yield stack.enter_context(io.BufferedWriter(packed, _BUFFER))


def _zstd() -> Any:
    try:
        import zstandard
    except ImportError:
        raise LabError("zstd is not installed here", fix="install zstandard, or choose gzip") from None
    return zstandard


@contextlib.contextmanager
def _temporary_files(destination: Path, count: int) -> Iterator[list[Path]]:
    """Hidden files beside the destination, readable by their owner alone; those that remain at the end are removed."""
    parts: list[Path] = []
    try:
        with _writing(destination):
            destination.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(count):
                handle, name = tempfile.mkstemp(prefix=f".{destination.name}.", dir=destination.parent)
                os.close(handle)
                parts.append(Path(name))
        yield parts
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _join(parts: list[Path]) -> None:
    """Append every part to the first; on Linux inside the kernel, so that no byte passes through Python."""
    with parts[0].open("r+b") as target:
        target.seek(0, os.SEEK_END)
        for part in parts[1:]:
            with part.open("rb") as source:
                if sys.platform != "linux":
                    shutil.copyfileobj(source, target, _BUFFER)
                    continue
                done, size = 0, part.stat().st_size
                while done < size:
                    done += os.sendfile(target.fileno(), source.fileno(), done, size - done)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LabError(
            f"cannot write {path.name.lstrip('.')}: {error.strerror or error}", where=str(path.parent),
            fix="free space or rights, then again",
        ) from None  # fmt: skip
