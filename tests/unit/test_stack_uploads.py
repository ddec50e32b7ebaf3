"""Uploads to HDFS through the start page's container, against a datanode that says `100 Continue` unasked."""

from __future__ import annotations

import hashlib
import http.client
import json
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from polling import poll_until
from starlette.applications import Starlette

from lab.stack import uploads
from lab.stack.exchange import exchange
from lab.stack.uploads import Uploads, target_of

QUERY = "op=CREATE&user.name=hadoop&namenoderpcaddress=namenode:8020&createflag=&createparent=true&overwrite=true"
FILE = "/webhdfs/v1/tmp/%C3%A9%20t%C3%A9.txt"
MORE_THAN_ANY_BUFFER = 64 << 20


@dataclass
class Seen:
    """One request that the fake took."""

    method: str
    address: str
    headers: dict[str, str]
    size: int = 0
    digest: str = ""
    whole: bool = False


class Nodes(socketserver.ThreadingTCPServer):
    """A datanode and its namenode. It reads bodies once `reads` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.seen: list[Seen] = []
        self.reads = threading.Event()
        self.reads.set()
        self.refuses = False
        self.written_at = 1 << 60  # milliseconds: when the file in HDFS was last changed

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class _Talk(socketserver.StreamRequestHandler):
    server: Nodes

    def handle(self) -> None:
        method, address, _ = self.rfile.readline().decode().split()
        headers = http.client.parse_headers(self.rfile)
        seen = Seen(method, address, {name.lower(): value for name, value in headers.items()})
        self.server.seen.append(seen)
        if method in ("PUT", "POST"):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n")
            if self.server.refuses:
                return self._answer("403 Forbidden", {"RemoteException": {"message": "already exists"}})
            self.server.reads.wait(60)
            self._take(seen)
            return self._answer("201 Created", None)
        if "op=GETFILESTATUS" in address:
            return self._answer("200 OK", {"FileStatus": {"modificationTime": self.server.written_at}})
        return self._answer("200 OK", {"boolean": True})

    def _take(self, seen: Seen) -> None:
        """The body. ValueError or AssertionError when it breaks off."""
        digest = hashlib.sha256()
        chunked = seen.headers.get("transfer-encoding") == "chunked"
        while True:
            size = int(self.rfile.readline(), 16) if chunked else int(seen.headers["content-length"])
            block = self.rfile.read(size)
            assert len(block) == size
            digest.update(block)
            seen.size += size
            if not chunked or not size:
                break
            self.rfile.readline()
        seen.digest, seen.whole = digest.hexdigest(), True

    def _answer(self, status: str, content: object) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        head = f"HTTP/1.1 {status}\r\nLocation: hdfs://namenode:8020/tmp/x\r\nContent-Length: {len(body)}\r\n"
        self.wfile.write(head.encode() + b"Connection: close\r\n\r\n" + body)


@dataclass
class Door:
    """The proxy's address. It goes to the fake, whatever it wants to reach; what it wanted is kept."""

    port: int
    address: tuple[str, int] = ("", 0)
    asked: list[str] = field(default_factory=list)

    async def send(self, host, port, method, target, headers, body):
        self.asked.append(f"http://{host}:{port}{target}")
        return await exchange("127.0.0.1", self.port, method, target, headers, body)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LOOKS", (0.0, 0.01, 0.01))


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    server = Nodes()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.reads.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def door(nodes: Nodes) -> Iterator[Door]:
    door = Door(nodes.server_address[1])
    app = Starlette(routes=[Uploads(door.send).route])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    poll_until(lambda: server.started, "the proxy")
    door.address = server.servers[0].sockets[0].getsockname()
    yield door
    server.should_exit = True
    thread.join(10)


def blocks(size: int) -> Iterator[bytes]:
    for number in range(size >> 16):
        yield number.to_bytes(4, "big") * (1 << 14)


def send(door: Door, body: object, method: str = "PUT", query: str = QUERY, **headers: str):
    connection = http.client.HTTPConnection(*door.address, timeout=30)
    connection.request(method, f"/datanode/datanode:9864{FILE}?{query}", body, headers)
    answer = connection.getresponse()
    return answer, answer.read()


def begin(nodes: Nodes, door: Door, query: str = QUERY) -> socket.socket:
    """An upload that has said its head and 64 KB, and is known to the datanode."""
    before = len(nodes.seen)
    connection = socket.create_connection(door.address, timeout=30)
    head = f"PUT /datanode/datanode:9864{FILE}?{query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head.encode() + b"10000\r\n" + bytes(1 << 16) + b"\r\n")
    poll_until(lambda: len(nodes.seen) > before, "the datanode to hear of it")
    return connection


def test_an_upload_in_chunks_arrives_whole_and_its_answer_comes_back(nodes, door):
    answer, _ = send(door, blocks(8 << 20), Cookie="x=1")
    assert (answer.status, answer.headers["Location"]) == (201, "hdfs://namenode:8020/tmp/x")
    (seen,) = nodes.seen
    assert (seen.whole, seen.digest) == (True, hashlib.sha256(b"".join(blocks(8 << 20))).hexdigest())
    assert seen.address == f"{FILE}?{QUERY}"
    assert seen.headers["cookie"] == "x=1"
    assert door.asked == [f"http://datanode:9864{FILE}?{QUERY}"]


def test_an_upload_with_a_length_keeps_it_and_append_is_a_post(nodes, door):
    answer, _ = send(door, b"some text", "POST", QUERY.replace("CREATE", "APPEND"))
    assert answer.status == 201
    (seen,) = nodes.seen
    assert (seen.method, seen.headers["content-length"], seen.size) == ("POST", "9", 9)
    assert "transfer-encoding" not in seen.headers


def test_a_datanode_that_reads_slowly_slows_the_client_down(nodes, door):
    nodes.reads.clear()
    sent = 0
    with begin(nodes, door) as client:
        client.setblocking(False)
        chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        while sent < MORE_THAN_ANY_BUFFER and select.select([], [client], [], 1)[1]:
            sent += client.send(chunk)
    nodes.reads.set()
    assert 0 < sent < MORE_THAN_ANY_BUFFER / 2


def test_a_refusal_comes_back_in_the_datanodes_words_also_while_the_client_still_speaks(nodes, door):
    nodes.refuses = True
    answer, content = send(door, blocks(8 << 20))
    assert answer.status == 403
    assert json.loads(content) == {"RemoteException": {"message": "already exists"}}
    assert [seen.method for seen in nodes.seen] == ["PUT"]


def test_an_upload_whose_client_goes_away_breaks_off_and_leaves_no_file(nodes, door):
    begin(nodes, door).close()
    poll_until(lambda: len(nodes.seen) == 3, "the half file to be deleted")
    upload, asked, deleted = nodes.seen
    assert not upload.whole
    assert (asked.method, deleted.method) == ("GET", "DELETE")
    for url, operation in zip(door.asked[1:], ("GETFILESTATUS", "DELETE"), strict=True):
        parts = urlsplit(url)
        assert (parts.netloc, parts.path) == ("namenode:9870", FILE)
        assert parse_qs(parts.query) == {"op": [operation], "user.name": ["hadoop"]}


def test_a_file_that_was_there_before_stays(nodes, door):
    nodes.written_at = 1_700_000_000_000
    begin(nodes, door).close()
    poll_until(lambda: len(nodes.seen) == 1 + len(uploads.LOOKS), "the looks at the file")
    begin(nodes, door, QUERY.replace("CREATE", "APPEND")).close()
    send(door, b"the next one")
    assert [seen.method for seen in nodes.seen if seen.method != "GET"] == ["PUT", "PUT", "PUT"]
    assert len(nodes.seen) == 3 + len(uploads.LOOKS)


def test_a_datanode_that_is_away_is_told_as_webhdfs_tells_errors(nodes, door):
    door.port = 1
    answer, content = send(door, blocks(8 << 20))
    assert answer.status == 503
    assert json.loads(content)["RemoteException"]["message"] == "The datanode does not answer. Try again."


@pytest.mark.parametrize("node", ["datanode", "0123456789ab", "lakelab-1a2b3c-datanode-2"])
def test_datanodes_are_reached(node):
    found = target_of(f"/datanode/{node}:9864/webhdfs/v1/tmp/x", QUERY)
    assert (found.node, found.path, found.query) == (node, "/webhdfs/v1/tmp/x", QUERY)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/datanode/namenode:9864/webhdfs/v1/x", QUERY),
        ("/datanode/datanode:9870/webhdfs/v1/x", QUERY),
        ("/datanode/evil.example:9864/webhdfs/v1/x", QUERY),
        ("/datanode/datanode:9864@evil.example:9864/webhdfs/v1/x", QUERY),
        ("/datanode/datanode:9864/jmx", QUERY),
        ("/datanode/datanode:9864/webhdfs/v1/../../jmx", QUERY),
        ("/datanode/datanode:9864/webhdfs/v1/%2e%2E%2fjmx", QUERY),
        ("/datanode/datanode:9864/webhdfs/v1/a b", QUERY),
        ("/datanode/datanode:9864/webhdfs/v1/x", "op=CREATE"),
        ("/datanode/datanode:9864/webhdfs/v1/x", QUERY.replace("namenode:8020", "evil.example:8020")),
        ("/datanode/datanode:9864/webhdfs/v1/x", QUERY + "&namenoderpcaddress=evil.example:8020"),
        ("/datanode/datanode:9864/webhdfs/v1/x", QUERY + "&NameNode%52pcAddress=evil.example:8020"),
    ],
)  # fmt: skip
def test_nothing_else_is(path, query):
    assert target_of(path, query) is None


def test_an_address_that_is_none_is_refused_without_a_connection(nodes, door):
    answer, content = send(door, b"x", query="op=CREATE&namenoderpcaddress=evil.example:8020")
    assert answer.status == 403
    assert json.loads(content)["RemoteException"]["exception"] == "SecurityException"
    assert (nodes.seen, door.asked) == ([], [])
