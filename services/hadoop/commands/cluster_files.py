"""The stores of the cluster under one roof: `s3://` by the S3 API, everything else in HDFS."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from lakelab.aws import aws_client
from lakelab.s3 import S3Storage
from lakelab.storage import S3, Stored, parse_address
from services.hadoop.commands.webhdfs import WebHdfs


class S3Files(S3Storage):
    """S3 with streams to write to."""

    @contextlib.contextmanager
    def replacing(self, uri: str) -> Iterator[BinaryIO]:
        """A stream whose content becomes the object at the end; after an error, nothing changes."""
        with tempfile.NamedTemporaryFile() as gathered:
            yield cast(BinaryIO, gathered)
            gathered.flush()
            self.put(Path(gathered.name), uri)

    def is_folder(self, uri: str) -> bool:
        return self.exists(f"{uri.rstrip('/')}/") and not any(found.uri == uri for found in self.list(uri))


class ClusterFiles:
    """`Files` of s3-dist-cp and `Storage` enough for scripts, for a process on the cluster."""

    def __init__(self, hdfs: WebHdfs | None = None, s3: Any = None) -> None:
        self.hdfs = hdfs or WebHdfs(f"{os.environ.get('NAMENODE_HOST', 'namenode')}:9870")
        self._client = s3

    @cached_property
    def s3(self) -> S3Files:
        """Made when first needed: the client alone takes half a second."""
        return S3Files(self._client or aws_client("s3"))

    def _of(self, uri: str) -> S3Files | WebHdfs:
        return self.s3 if parse_address(uri).store == S3 else self.hdfs

    def list(self, uri: str) -> list[Stored]:
        return self._of(uri).list(uri)

    def open(self, uri: str) -> BinaryIO:
        return self._of(uri).open(uri)

    def write(self, uri: str, content: bytes) -> None:
        self._of(uri).write(uri, content)

    def replacing(self, uri: str) -> contextlib.AbstractContextManager[BinaryIO]:
        return self._of(uri).replacing(uri)

    def delete(self, uri: str) -> int:
        return self._of(uri).delete(uri)

    def exists(self, uri: str) -> bool:
        return self._of(uri).exists(uri)

    def is_folder(self, uri: str) -> bool:
        return self._of(uri).is_folder(uri)
