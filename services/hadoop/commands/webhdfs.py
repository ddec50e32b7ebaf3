"""Files in HDFS by WebHDFS: no JVM to start, so that a small command takes tenths of a second.

https://hadoop.apache.org/docs/r3.4.1/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode, urlsplit

from lakelab.errors import LabError
from lakelab.storage import HDFS, Stored, hidden, parse_address

SECONDS = 60
_FULL = ("QuotaExceeded", " quota of ", "No space left")  # as HDFS says that there is no room


class WebHdfs:
    """The namenode's REST interface as one user. A missing file is a FileNotFoundError, all else a LabError."""

    def __init__(self, netloc: str = "namenode:9870", user: str = "hadoop") -> None:
        self.netloc, self.user = netloc, user

    def list(self, uri: str) -> list[Stored]:
        """All files at or under the address, by name; none that are hidden."""
        base = uri.rstrip("/")
        status = self._status(uri)
        if status is None:
            return []
        if status["type"] == "FILE":
            return [Stored(uri, status["length"])]
        found = self._below(base, "")
        return sorted((each for each in found if not hidden(each.uri[len(base) + 1 :])), key=lambda each: each.uri)

    def _below(self, base: str, relative: str) -> Iterator[Stored]:
        listing = self._call("GET", f"{base}/{relative}", op="LISTSTATUS")["FileStatuses"]["FileStatus"]
        for each in listing:
            name = f"{relative}/{each['pathSuffix']}" if relative else each["pathSuffix"]
            if each["type"] == "DIRECTORY":
                yield from self._below(base, name)
            else:
                yield Stored(f"{base}/{name}", each["length"])

    def open(self, uri: str) -> BinaryIO:
        location = self._redirected("GET", uri, op="OPEN")
        connection = http.client.HTTPConnection(location.netloc, timeout=SECONDS)
        with _told(uri):
            connection.request("GET", f"{location.path}?{location.query}")
            answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise _refusal(uri, answer.read())
        return cast(BinaryIO, io.BufferedReader(answer, 1 << 20))

    @contextlib.contextmanager
    def replacing(self, uri: str) -> Iterator[BinaryIO]:
        """A stream whose content takes the address's place at the end, at once; after an error, not at all."""
        folder, _, name = uri.rstrip("/").rpartition("/")
        temporary = f"{folder}/.writing-{uuid.uuid4().hex}-{name}"
        location = self._redirected("PUT", temporary, op="CREATE", overwrite="true")
        try:
            with _told(uri):
                target = _Upload(location.netloc, f"{location.path}?{location.query}", uri)
            yield cast(BinaryIO, target)
            target.finish()
            moved = self._call(
                "PUT", temporary, op="RENAME", destination=_path(uri), renameoptions="OVERWRITE"
            )  # answers without content when options are given
            if moved.get("boolean") is False:
                raise LabError("HDFS would not put the file in its place", where=uri)
        except BaseException:
            with contextlib.suppress(LabError, OSError):
                self._call("DELETE", temporary, op="DELETE")
            raise

    def write(self, uri: str, content: bytes) -> None:
        with self.replacing(uri) as target:
            target.write(content)

    def delete(self, uri: str) -> int:
        """Remove a file or everything under a folder; returns how many files went."""
        count = len(self.list(uri))
        self._call("DELETE", uri, op="DELETE", recursive="true")
        return count

    def make_folder(self, uri: str) -> None:
        self._call("PUT", uri, op="MKDIRS")

    def exists(self, uri: str) -> bool:
        return self._status(uri) is not None

    def is_folder(self, uri: str) -> bool:
        status = self._status(uri)
        return status is not None and status["type"] == "DIRECTORY"

    def _status(self, uri: str) -> dict[str, Any] | None:
        try:
            status: dict[str, Any] = self._call("GET", uri, op="GETFILESTATUS")["FileStatus"]
        except FileNotFoundError:
            return None
        return status

    def _request(self, method: str, uri: str, parameters: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.netloc, timeout=SECONDS)
        query = urlencode({**parameters, "user.name": self.user})
        with _told(uri):
            connection.request(method, f"/webhdfs/v1{quote(_path(uri))}?{query}")
            return connection.getresponse()

    def _call(self, method: str, uri: str, **parameters: str) -> dict[str, Any]:
        answer = self._request(method, uri, parameters)
        content = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise _refusal(uri, content)
        return json.loads(content) if content.strip() else {}

    def _redirected(self, method: str, uri: str, **parameters: str) -> Any:
        """The datanode's address to which the namenode sends for content."""
        answer = self._request(method, uri, parameters)
        content = answer.read()
        location = answer.getheader("Location")
        if answer.status >= http.client.BAD_REQUEST or location is None:
            raise _refusal(uri, content)
        return urlsplit(location)


class _Upload(io.RawIOBase):
    """The body of a CREATE, sent in chunks as it is written."""

    def __init__(self, netloc: str, path: str, uri: str) -> None:
        self.uri, self.sent = uri, 0
        self.connection = http.client.HTTPConnection(netloc, timeout=SECONDS)
        self.connection.putrequest("PUT", path)
        self.connection.putheader("Transfer-Encoding", "chunked")
        self.connection.endheaders()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        data = bytes(block)
        if data:  # an empty chunk would be the end
            with _told(self.uri):
                self.connection.send(b"%x\r\n%b\r\n" % (len(data), data))
        self.sent += len(data)
        return len(data)

    def tell(self) -> int:
        return self.sent

    def finish(self) -> None:
        with _told(self.uri):
            self.connection.send(b"0\r\n\r\n")
            answer = self.connection.getresponse()
            content = answer.read()
        if answer.status != http.client.CREATED:
            raise _refusal(self.uri, content)

    def close(self) -> None:
        self.connection.close()
        super().close()


def _path(uri: str) -> str:
    address = parse_address(uri)
    if address.store != HDFS:
        raise LabError("this store keeps HDFS alone", where=uri, fix="use hdfs:///path")
    return f"/{address.key}"


def _refusal(uri: str, content: bytes) -> Exception:
    """HDFS's own words, first line: https://hadoop.apache.org/docs/r3.4.1/…/WebHDFS.html#Error_Responses."""
    try:
        error = json.loads(content)["RemoteException"]
    except (ValueError, KeyError):
        error = {"exception": "", "message": content.decode(errors="replace") or "no reason given"}
    if error["exception"] == "FileNotFoundException":
        return FileNotFoundError(errno.ENOENT, "no such file", uri)
    reason = (error["message"] or error["exception"]).strip().splitlines()[0]
    if any(word in f"{error['exception']} {reason}" for word in _FULL):
        fix = "delete what is not needed, or give it more (`hdfs dfsadmin -setSpaceQuota`, a larger disk)"
        return LabError(f"HDFS is full: {reason}", where=uri, fix=fix)
    return LabError(f"HDFS refuses: {reason}", where=uri, fix="see `hdfs dfsadmin -report`")


@contextlib.contextmanager
def _told(uri: str) -> Iterator[None]:
    """Errors of the network, for the user."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise LabError(
            f"the connection to HDFS failed: {error}", where=uri, fix="is the namenode there? `hdfs dfsadmin -report`"
        ) from None
