"""A client of HTTP that asks the same again and again on kept connections, and costs as little as Python can.

Answers are looked at for their status and nothing else, so the machine's cores are for the servers.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Answers:
    """What came of a load. seconds: of each answer.  statuses: how many of each.  lasted: all of it, in seconds."""

    seconds: list[float]
    statuses: Counter[int]
    lasted: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.lasted


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is complete."""

    def __init__(self, request: Callable[[], bytes], until: float) -> None:
        self._request, self._until = request, until
        self._data = bytearray()
        self._need = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def begin(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._need:
            head = self._data.find(_END)
            if head < 0:
                return
            found = _LENGTH.search(self._data, 0, head + 2)
            self._need = head + len(_END) + (int(found[1]) if found else 0)
        if len(self._data) < self._need:
            return
        now = time.perf_counter()
        self.seconds.append(now - self._sent)
        self.statuses[int(self._data[9:12])] += 1
        self._data.clear()
        self._need = 0
        if now < self._until:
            self.begin()
        else:
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)
        self._transport.close()


def load(
    host: str, port: int, request: Callable[[], bytes], connections: int, seconds: float, trusted: ssl.SSLContext | None
) -> Answers:
    """Ask on so many connections for so long. `request` makes each request anew. OSError: nobody is there."""
    return asyncio.run(_load(host, port, request, connections, seconds, trusted))


async def _load(
    host: str, port: int, request: Callable[[], bytes], connections: int, seconds: float, trusted: ssl.SSLContext | None
) -> Answers:
    loop = asyncio.get_running_loop()
    clients: list[_Client] = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(request, 0.0), host, port, ssl=trusted, server_hostname="localhost" if trusted else None
        )
        clients.append(client)
    began = time.perf_counter()
    for client in clients:
        client._until = began + seconds
        client.begin()
    await asyncio.wait([client.over for client in clients], timeout=seconds + 30)
    lasted = time.perf_counter() - began
    statuses = sum((client.statuses for client in clients), Counter[int]())
    return Answers([each for client in clients for each in client.seconds], statuses, lasted)


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + _END + body
