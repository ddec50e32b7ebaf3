"""HDFS from the host, by WebHDFS: as much as is needed to read what jobs left there."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

from lakelab.errors import LabError
from lakelab.s3 import S3Storage
from lakelab.storage import Stored

USER = "hadoop"


@dataclass(frozen=True)
class WebHdfs:
    """HDFS at the address of its namenode's pages."""

    url: str

    @cached_property
    def client(self) -> Any:
        from hdfs import InsecureClient

        return InsecureClient(self.url, user=USER)

    def list(self, uri: str) -> list[Stored]:
        """All files at or under `hdfs:///path`, by name; none where there is no such path."""
        top = _path(uri)
        if self.client.status(top, strict=False) is None:
            return []
        found = []
        for folder, _, files in self.client.walk(top, status=True):
            where = folder[0] if isinstance(folder, tuple) else folder
            found += [Stored(f"hdfs://{where.rstrip('/')}/{name}", status["length"]) for name, status in files]
        return sorted(found, key=lambda stored: stored.uri)

    def open(self, uri: str) -> BinaryIO:
        with self.client.read(_path(uri)) as stream:
            return io.BytesIO(stream.read())

    def size(self, path: str) -> tuple[int, int]:
        """Bytes and files under a folder, as the namenode counts them; nothing where there is none."""
        summary = self.client.content(path, strict=False)
        return (summary["length"], summary["fileCount"]) if summary else (0, 0)


@dataclass(frozen=True)
class StackFiles:
    """Files of both stores by their addresses."""

    s3: S3Storage
    hdfs: WebHdfs

    def list(self, uri: str) -> list[Stored]:
        return self._store(uri).list(uri)

    def open(self, uri: str) -> BinaryIO:
        return self._store(uri).open(uri)

    def _store(self, uri: str) -> S3Storage | WebHdfs:
        return self.hdfs if uri.startswith("hdfs://") else self.s3


def _path(uri: str) -> str:
    if not uri.startswith("hdfs:///"):
        raise LabError("not an address in HDFS", where=uri, fix="write hdfs:///path")
    return uri.removeprefix("hdfs://")
