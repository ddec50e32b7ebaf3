"""A namenode and datanode in one process, for the tests of what speaks WebHDFS: the answers are those of Hadoop 3.4."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


class FakeHdfs(ThreadingHTTPServer):
    """Files by path; folders are what lies above them. `refuse` makes the next upload fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = {"/"}
        self.refuse = ""
        self.temporary: list[str] = []

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def is_folder(self, path: str) -> bool:
        return path in self.folders or any(name.startswith(f"{path.rstrip('/')}/") for name in self.files)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHdfs

    def log_message(self, *_: object) -> None:
        pass

    def _parts(self) -> tuple[str, dict[str, str]]:
        url = urlsplit(self.path)
        path = unquote(url.path).removeprefix("/webhdfs/v1").rstrip("/") or "/"
        return path, {name: values[0] for name, values in parse_qs(url.query).items()}

    def _answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode())

    def _missing(self, path: str) -> None:
        error = {"exception": "FileNotFoundException", "message": f"File does not exist: {path}"}
        self._json({"RemoteException": error}, 404)

    def _status(self, path: str, name: str) -> dict[str, object]:
        folder = path not in self.server.files
        size = 0 if folder else len(self.server.files[path])
        return {"pathSuffix": name, "type": "DIRECTORY" if folder else "FILE", "length": size}

    def do_GET(self) -> None:
        path, query = self._parts()
        known = path in self.server.files or self.server.is_folder(path)
        if not known:
            self._missing(path)
        elif query["op"] == "GETFILESTATUS":
            self._json({"FileStatus": self._status(path, "")})
        elif query["op"] == "LISTSTATUS":
            base = f"{path.rstrip('/')}/"
            inside = {n[len(base) :].split("/")[0] for n in {*self.server.files, *self.server.folders} if n != base}
            names = sorted(name for name in inside if name and self._below(base + name))
            self._json({"FileStatuses": {"FileStatus": [self._status(base + name, name) for name in names]}})
        elif "data" in query:
            self._answer(200, self.server.files[path])
        else:
            self._answer(307, Location=f"http://{self.server.netloc}{self.path}&data=1")

    def _below(self, path: str) -> bool:
        return path in self.server.files or self.server.is_folder(path)

    def do_PUT(self) -> None:
        path, query = self._parts()
        if query["op"] == "CREATE" and "data" not in query:
            self._answer(307, Location=f"http://{self.server.netloc}{self.path}&data=1")
        elif query["op"] == "CREATE":
            content = self._chunks()
            if content is None:
                self.close_connection = True
                return None
            self.server.temporary.append(path)
            if self.server.refuse:
                error = {"exception": "IOException", "message": self.server.refuse}
                return self._json({"RemoteException": error}, 403)
            self.server.files[path] = content
            self._answer(201)
        elif query["op"] == "RENAME":
            assert query["renameoptions"] == "OVERWRITE"
            self.server.files[query["destination"]] = self.server.files.pop(path)
            self._answer(200)
        elif query["op"] == "MKDIRS":
            self.server.folders.add(path)
            self._json({"boolean": True})
        return None

    def _chunks(self) -> bytes | None:
        """None where the writer broke off."""
        assert self.headers["Transfer-Encoding"] == "chunked"
        content = b""
        while size := int(self.rfile.readline() or b"-1", 16):
            if size < 0:
                return None
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def do_DELETE(self) -> None:
        path, _ = self._parts()
        gone = [name for name in self.server.files if name == path or name.startswith(f"{path}/")]
        for name in gone:
            del self.server.files[name]
        self._json({"boolean": bool(gone)})


@pytest.fixture
def hdfs() -> Iterator[FakeHdfs]:
    server = FakeHdfs()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
