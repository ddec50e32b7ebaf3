"""One HTTP request with a body that streams, and its answer, by h11.

Other than common clients it listens while it speaks: a server that refuses an upload answers and closes at once, and
who only listens at the end finds a broken connection. Answers of 1xx are passed over, asked for or not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import h11

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 600.0  # as long as Nginx waits
MOST_BYTES = 1 << 20
BLOCK = 1 << 16

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    content: bytes


class NoAnswer(OSError):
    """The server is away, broke off, does not speak HTTP, or says more than MOST_BYTES."""


async def exchange(
    host: str, port: int, method: str, target: str, headers: Headers, body: AsyncIterator[bytes]
) -> Answer:
    """The server's answer, as soon as there is one; the rest of `body` is then left to the caller.

    NoAnswer when there is none. What `body` raises breaks the connection off, so that the server does not take a part
    for the whole, and is raised.
    """
    request = h11.Request(method=method, target=target, headers=[("Host", f"{host}:{port}"), *headers])
    connection = h11.Connection(h11.CLIENT)
    try:
        # A socket and not asyncio's streams: those lose what has arrived when a write fails.
        with await _connect(host, port) as server:
            answer = asyncio.create_task(_hear(server, connection))
            try:
                await _speak(server, connection, request, body, answer)
                return await answer
            finally:
                answer.cancel()
                await asyncio.wait([answer])
    except (h11.ProtocolError, OSError) as error:
        raise NoAnswer(f"{host}:{port}: {error or type(error).__name__}") from None


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_SECONDS):
        family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        server = socket.socket(family, kind, protocol)
        try:
            server.setblocking(False)
            await loop.sock_connect(server, address)
        except BaseException:
            server.close()
            raise
        return server


async def _speak(
    server: socket.socket,
    connection: h11.Connection,
    request: h11.Request,
    body: AsyncIterator[bytes],
    answer: asyncio.Task[Answer],
) -> None:
    """Send request and body, until all is said, there is an answer, or nobody listens any more."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(server, connection.send(request) or b"")
        async for block in body:
            if answer.done():
                return
            await loop.sock_sendall(server, connection.send(h11.Data(data=block)) or b"")
        if not answer.done():
            await loop.sock_sendall(server, connection.send(h11.EndOfMessage()) or b"")
    except ConnectionError:
        return  # perhaps after an answer: that is heard


async def _hear(server: socket.socket, connection: h11.Connection) -> Answer:
    """The answer. OSError or h11's error when it does not come."""
    loop = asyncio.get_running_loop()
    response, content = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            async with asyncio.timeout(SILENCE_SECONDS):
                connection.receive_data(await loop.sock_recv(server, BLOCK))
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            content += event.data
            if len(content) > MOST_BYTES:
                raise OSError(f"an answer of more than {MOST_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage) and response is not None:
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
            return Answer(response.status_code, headers, content)
        elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
            raise OSError("the connection was closed without an answer")
