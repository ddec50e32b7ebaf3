"""Files at `s3://bucket/key` behind an S3 API: AWS, MinIO, or whatever the client given talks to.

The client is boto3's and comes from outside (`boto3.client("s3")`, or `S3Hook(...).conn` in an Airflow task), so
that this package is importable where boto3 is not.
"""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from lakelab.errors import LabError
from lakelab.storage import S3, Address, Stored, hidden, missing_bucket, parse_address

_READ = 1 << 20  # bytes asked of the socket at once
_DELETED_AT_ONCE = 1000  # keys in one DeleteObjects, at most

# Codes of the S3 API that a user can mend → what to do.
_REFUSALS = {
    "AccessDenied": "give the user of this connection rights to the bucket",
    "InvalidAccessKeyId": "check the access key of this connection",
    "SignatureDoesNotMatch": "check the secret key of this connection",
    "RequestTimeTooSkewed": "set the clock of this machine right",
    "XMinioStorageFull": "free space on the disk of the object store",
}


class _Object(NamedTuple):
    key: str
    size: int


class S3Storage:
    """The `Storage` of the pipelines over the S3 API. S3 itself makes every write seen whole or not at all.

    Folders do not exist in S3: an address without an object stands for all objects under `address/`.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def list(self, uri: str) -> list[Stored]:
        """All files at or under the address, by name; none that are hidden."""
        place = _s3_address(uri)
        with _told(uri):
            found = self._exact(place) or self._under(place)
        shown = [stored for stored in found if stored.key == place.key or not hidden(stored.key[len(place.key) :])]
        return [Stored(f"s3://{place.host}/{each.key}", each.size) for each in sorted(shown, key=_by_name)]

    def open(self, uri: str) -> BinaryIO:
        """A stream of the file's bytes as they arrive; a connection that breaks in the middle is an error."""
        place = _s3_address(uri)
        with _told(uri):
            body = self._client.get_object(Bucket=place.host, Key=place.key)["Body"]
        return io.BufferedReader(_Body(body, uri), _READ)

    def put(self, source: Path, uri: str) -> None:
        """Upload a local file, a large one in parts side by side. FileNotFoundError: there is no such local file."""
        place = _s3_address(uri)
        source.stat()  # an error of this machine is told before S3 is asked
        with _told(uri):
            self._client.upload_file(str(source), place.host, place.key)

    def write(self, uri: str, content: bytes) -> None:
        place = _s3_address(uri)
        with _told(uri):
            self._client.put_object(Bucket=place.host, Key=place.key, Body=content)

    def delete(self, uri: str) -> int:
        """Remove a file or everything under a prefix; returns how many files went."""
        place = _s3_address(uri)
        with _told(uri):
            keys = [each.key for each in self._exact(place) or self._under(place, folders=True)]
            for start in range(0, len(keys), _DELETED_AT_ONCE):
                self._delete(place.host, keys[start : start + _DELETED_AT_ONCE], uri)
        return sum(not key.endswith("/") for key in keys)

    def exists(self, uri: str) -> bool:
        """Whether there is a file, or one under the address."""
        place = _s3_address(uri)
        with _told(uri):
            found = self._exact(place) or self._first(place.host, place.prefix)
        return bool(found) or not place.key

    def _exact(self, place: Address) -> Sequence[_Object]:
        """The one object of that key, if any. Listed, as HEAD cannot say whether the key or the bucket is missing."""
        return [each for each in self._first(place.host, place.key) if place.key == each.key]

    def _first(self, bucket: str, prefix: str) -> Sequence[_Object]:
        return _objects(self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1))

    def _under(self, place: Address, *, folders: bool = False) -> Sequence[_Object]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=place.host, Prefix=place.prefix)
        # S3A marks an empty folder by an object whose key ends with a slash.
        return [each for page in pages for each in _objects(page) if folders or not each.key.endswith("/")]

    def _delete(self, bucket: str, keys: Iterable[str], uri: str) -> None:
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        for error in self._client.delete_objects(Bucket=bucket, Delete=wanted).get("Errors", []):
            raise LabError(
                f"S3 could not delete {error.get('Key')}: {error.get('Message') or error.get('Code')}",
                where=uri, fix="check the rights of the connection",
            )  # fmt: skip


class _Body(io.RawIOBase):
    """The body of a GetObject as a stream that can be buffered."""

    def __init__(self, body: Any, uri: str) -> None:
        self._body, self._uri = body, uri

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _told(self._uri):
            block = self._body.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


def _s3_address(uri: str) -> Address:
    address = parse_address(uri)
    if address.store != S3:
        raise LabError("this store keeps S3 alone", where=uri, fix="use s3://bucket/key")
    return address


def _objects(page: Any) -> Sequence[_Object]:
    return [_Object(each["Key"], each["Size"]) for each in page.get("Contents", [])]


def _by_name(found: _Object) -> list[str]:
    """Folder by folder, as a file system sorts; S3 sorts the slash between the other characters."""
    return found.key.split("/")


@contextlib.contextmanager
def _told(uri: str) -> Iterator[None]:
    """Errors of the S3 API and of the network, for the user."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except S3UploadFailedError as error:
        _tell(error.__context__ or error, uri)  # it only wraps the error that says why
    except (BotoCoreError, ClientError) as error:
        _tell(error, uri)


def _tell(error: BaseException, uri: str) -> NoReturn:
    answer = getattr(error, "response", {}).get("Error", {})
    code, message = str(answer.get("Code", "")), answer.get("Message") or str(error)
    if code == "NoSuchKey":
        raise FileNotFoundError(errno.ENOENT, "no such object", uri) from None
    if code == "NoSuchBucket":
        raise missing_bucket(parse_address(uri).host, uri) from None
    if code:
        fix = _REFUSALS.get(code, "look into the log of the object store")
        raise LabError(f"S3 refuses: {message.rstrip('.')}", where=uri, fix=fix) from None
    raise LabError(
        f"the connection to S3 failed: {message}", where=uri, fix="check the endpoint of the connection, then again"
    ) from None
