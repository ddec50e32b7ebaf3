"""Files at `s3://bucket/key` and `hdfs:///path`, whatever keeps them.

`FolderStorage` keeps both as folders (embedded mode); `lakelab.s3.S3Storage` has the same methods over the S3 API.
Spark sees the very same addresses through the settings in `lab.embedded.spark`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from lakelab.errors import LabError

_UNFINISHED = ".writing-"  # how the names of files begin that are being written
_SCHEME = re.compile(r"[a-z][a-z0-9]*://")
S3 = "s3"
HDFS = "hdfs"
_STORES = {"s3": S3, "s3a": S3, "s3n": S3, "hdfs": HDFS, "": HDFS}


@dataclass(frozen=True)
class Address:
    """An address taken apart. store: S3 or HDFS.  host: the bucket, or "".  key: without slashes at either end."""

    store: str
    host: str
    key: str

    @property
    def prefix(self) -> str:
        """What the key of everything under the address begins with."""
        return f"{self.key}/" if self.key else ""


def parse_address(uri: str) -> Address:
    """LabError: an unknown scheme, an S3 address without a bucket, or `..` in it. A bare absolute path means HDFS."""
    # Taken literally, as Hadoop and S3 do: a partition's folder may be named `hour=10%3A00`.
    scheme, separator, rest = uri.partition("://") if _SCHEME.match(uri) else ("", "", uri)
    host, _, key = rest.partition("/") if separator else ("", "", rest)
    parts = [part for part in PurePosixPath(key.lstrip("/")).parts if part != "/"]
    if ".." in (host, *parts):
        raise LabError("an address may not contain ..", where=uri)
    if scheme not in _STORES:
        raise LabError(f"unknown kind of address {scheme}://", where=uri, fix="use s3:// or hdfs://")
    store = _STORES[scheme]
    if store == S3 and not host:
        raise LabError("an S3 address needs a bucket", where=uri, fix="write s3://bucket/key")
    return Address(store, host, "/".join(parts))


def missing_bucket(name: str, uri: str) -> LabError:
    """Every store tells it in the same words."""
    return LabError(
        f"bucket {name} does not exist", where=uri, fix="create it with `lab bucket create`, or check LAB_BUCKET"
    )


@dataclass(frozen=True)
class Stored:
    """One stored file: its full address and size in bytes."""

    uri: str
    size: int


class Storage(Protocol):
    """What the pipelines need of a file store. A missing bucket is a LabError, a missing file FileNotFoundError."""

    def list(self, uri: str) -> list[Stored]: ...
    def open(self, uri: str) -> BinaryIO: ...
    def put(self, source: Path, uri: str) -> None: ...
    def write(self, uri: str, content: bytes) -> None: ...
    def delete(self, uri: str) -> int: ...
    def exists(self, uri: str) -> bool: ...


class FolderStorage:
    """Buckets are folders under `root/s3`, HDFS is `root/hdfs`. Every write is seen whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, uri: str) -> Path:
        """The local path behind an address."""
        address = parse_address(uri)
        if address.store == HDFS:
            return self.root / "hdfs" / address.key
        bucket = self.root / "s3" / address.host
        if not bucket.is_dir():
            raise missing_bucket(address.host, uri)
        return bucket / address.key

    def create_bucket(self, name: str) -> None:
        (self.root / "s3" / name).mkdir(parents=True, exist_ok=True)

    def list(self, uri: str) -> list[Stored]:
        """All files at or under the address, by name."""
        base = self.path(uri)
        if base.is_file():
            return [Stored(uri, base.stat().st_size)]
        prefix = uri.rstrip("/")
        found = ((path.relative_to(base).as_posix(), size) for path, size in sorted(files_below(base)))
        return [Stored(f"{prefix}/{name}", size) for name, size in found if not hidden(name)]

    def open(self, uri: str) -> BinaryIO:
        return self.path(uri).open("rb")

    def put(self, source: Path, uri: str) -> None:
        with source.open("rb") as stream, self.replacing(uri) as target:
            shutil.copyfileobj(stream, target, 1 << 20)

    def write(self, uri: str, content: bytes) -> None:
        with self.replacing(uri) as target:
            target.write(content)

    def delete(self, uri: str) -> int:
        """Remove a file or everything under a prefix; returns how many files went."""
        base = self.path(uri)
        if base.is_file():
            base.unlink()
            return 1
        count = sum(1 for _ in files_below(base))
        while base.is_dir():
            with contextlib.suppress(FileNotFoundError):  # of what goes meanwhile, before Python 3.13
                shutil.rmtree(base)
        return count

    def exists(self, uri: str) -> bool:
        return self.path(uri).exists()

    def is_folder(self, uri: str) -> bool:
        return self.path(uri).is_dir()

    def remove_unfinished(self) -> None:
        """Remove what writers that were killed left behind. Who is writing meanwhile fails."""
        for folder in ("s3", "hdfs"):
            for path, _ in files_below(self.root / folder):
                if path.name.startswith(_UNFINISHED):
                    path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def replacing(self, uri: str) -> Iterator[BinaryIO]:
        """A stream whose content takes the address's place at the end, at once; after an error, not at all."""
        path = self.path(uri)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
        except OSError as error:
            raise LabError(
                f"cannot write: {error.strerror}", where=uri, fix="free space or rights, then again"
            ) from None
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as target:
                yield target
            temporary.chmod(0o644)
            temporary.replace(path)
            # A local Hadoop file system keeps checksums beside its files; an old one would now be wrong.
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
        except OSError as error:
            raise LabError(
                f"cannot write: {error.strerror}", where=uri, fix="free space or rights, then again"
            ) from None
        finally:
            temporary.unlink(missing_ok=True)


def files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """All files under a folder and their bytes, but for what somebody removes meanwhile, as a step that is ending does.

    Before Python 3.13 `Path.rglob` may raise for that:
    https://docs.python.org/3/library/pathlib.html#pathlib.Path.rglob
    """
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                if stat.S_ISREG(found.st_mode):
                    yield path, found.st_size


def hidden(relative: str) -> bool:
    """Whether a part of the path begins with a dot: files in the making, checksums that Hadoop keeps."""
    return any(part.startswith(".") for part in relative.split("/"))
