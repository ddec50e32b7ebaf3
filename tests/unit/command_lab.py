"""A folder storage with a bucket, for the tests of the commands that steps find on their PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakelab.storage import FolderStorage


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    storage = FolderStorage(tmp_path)
    storage.create_bucket("b")
    return storage


def fill(storage: FolderStorage, **files: str) -> None:
    """Files below s3://b/in; `__` stands for a slash and `_DOT_` for a dot."""
    for name, content in files.items():
        storage.write(f"s3://b/in/{name.replace('__', '/').replace('_DOT_', '.')}", content.encode())


def read(storage: FolderStorage, uri: str) -> str:
    with storage.open(uri) as stream:
        return stream.read().decode()


def below(storage: FolderStorage, uri: str) -> dict[str, str]:
    """Name and content of all files."""
    return {stored.uri.removeprefix(f"{uri}/"): read(storage, stored.uri) for stored in storage.list(uri)}
