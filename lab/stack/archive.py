"""A tar that is written as its members come, with their checksums at its end: what `make bundle` puts all into."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

SUMS = "SHA256SUMS"  # the last member, as sha256sum writes and reads it
LEVEL = 9  # a fifth smaller than level 3, and still faster than the engine gives the images out
_BLOCK = tarfile.BLOCKSIZE


class Archive:
    """The file is written in the `with` block; a block that fails leaves it without an end, and so no tar."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._sums: dict[str, str] = {}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        with self._file:
            if error is None:
                self._end()

    @property
    def written(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """What is written to the stream becomes a member. Its header, which says how long it is, is written last."""
        header = self._file.tell()
        self._file.write(bytes(_BLOCK))
        stream = _Summed(self._file)
        yield cast(BinaryIO, stream)
        info = tarfile.TarInfo(name)
        info.size = self._file.tell() - header - _BLOCK
        self._file.write(bytes(-info.size % _BLOCK))
        self._file.seek(header)
        self._file.write(info.tobuf(tarfile.GNU_FORMAT))  # one block, however long the member
        self._file.seek(0, os.SEEK_END)
        self._sums[name] = stream.sum.hexdigest()

    @contextlib.contextmanager
    def compressed(self, name: str) -> Iterator[BinaryIO]:
        """The same, compressed by zstd on all cores."""
        compressor = zstandard.ZstdCompressor(LEVEL, threads=-1)
        with self.member(name) as stream, compressor.stream_writer(stream, closefd=False) as writer:
            yield cast(BinaryIO, writer)

    def _end(self) -> None:
        text = "".join(f"{digest}  {name}\n" for name, digest in self._sums.items())
        with self.member(SUMS) as stream:
            stream.write(text.encode())
        self._file.write(bytes(2 * _BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())


class _Summed:
    """Writes through to a file and keeps the checksum of what went by."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sum = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sum.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()
