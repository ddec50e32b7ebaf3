"""Uploads to HDFS from the host: the start page's container takes them from Nginx and hands them to a datanode.

A datanode says `100 Continue` to every upload, whether the client asked for it or not, and Debian's Nginx takes that
for the answer. Here it is passed over. Reads do not come here.

Bodies stream. An upload whose client or datanode goes away leaves no file: the datanode would keep what came so far,
and call it complete.
https://hadoop.apache.org/docs/r3.4.1/hadoop-project-dist/hadoop-hdfs/WebHDFS.html#Create_and_Write_to_a_File
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.stack.exchange import Answer, Headers, NoAnswer, exchange

NAMENODE, NAMENODE_PORT, NAMENODE_RPC, DATANODE_PORT = "namenode", 9870, "namenode:8020", 9864
# A container's own name, the service's, or one of Compose's; and a path of WebHDFS, still encoded.
_ADDRESS = re.compile(r"/datanode/([0-9a-f]{12}|datanode|[a-z0-9_-]+-datanode-\d+):9864(/webhdfs/v1/[!-\"$->@-~]*)")
LOOKS = (0.0, 0.5, 2.0)  # seconds: the datanode may not have begun when the client is gone already
_IDENTITY = ("user.name", "doas", "delegation")
# What concerns one connection alone (RFC 9110, 7.6.1), and what each server says for itself.
_NOT_PASSED_ON = {
    "connection", "date", "expect", "host", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade"
}  # fmt: skip
Exchange = Callable[[str, int, str, str, Headers, AsyncIterator[bytes]], Awaitable[Answer]]

_log = logging.getLogger("uvicorn.error")


@dataclass(frozen=True)
class Target:
    """Where an upload goes. path and query are as they came, encoded; parameters have lower-case names."""

    node: str
    path: str
    query: str
    parameters: dict[str, str]


def target_of(path: str, query: str) -> Target | None:
    """What an upload to this address reaches: a file, by a datanode and our namenode. None for all else.

    The datanode writes through the namenode that the query names: that must be ours, named once.
    """
    found = _ADDRESS.fullmatch(path)
    given = [(name.lower(), value) for name, value in parse_qsl(query, keep_blank_values=True)]
    namenodes = [value for name, value in given if name == "namenoderpcaddress"]
    if not found or namenodes != [NAMENODE_RPC] or ".." in unquote(found[2]).split("/"):
        return None
    return Target(found[1], found[2], query, dict(given)) if re.fullmatch("[!-~]*", query) else None


class Uploads:
    """The proxy. `route` is for the application."""

    def __init__(self, send: Exchange = exchange) -> None:
        self._send = send
        self.route = Route("/datanode/{rest:path}", self._upload, methods=["PUT", "POST"])

    async def _upload(self, request: Request) -> Response:
        """Hand an upload to its datanode, and the answer back."""
        scope, body = request.scope, request.stream()
        target = target_of(scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"))
        if target is None:
            await _hear_out(body)
            return _refusal(403, "java.lang.SecurityException", "No namenode sent you to this address.")
        began = int(time.time() * 1000)
        try:
            where = f"{target.path}?{target.query}"
            headers = _passed_on(request.headers.items())
            if "transfer-encoding" in request.headers:
                headers.append(("Transfer-Encoding", "chunked"))
            answer = await self._send(target.node, DATANODE_PORT, request.method, where, headers, body)
        except ClientDisconnect:
            await self._forget(target, began)
            return Response(status_code=499)  # for nobody
        except NoAnswer as error:
            _log.warning("%s", error)
            await self._forget(target, began)
            await _hear_out(body)
            return _refusal(503, "java.io.IOException", "The datanode does not answer. Try again.")
        await _hear_out(body)
        return Response(answer.content, answer.status, dict(_passed_on(answer.headers)))

    async def _forget(self, target: Target, began: int) -> None:
        """Delete what an unfinished CREATE left; a file that is older than the upload (milliseconds) stays."""
        if target.parameters.get("op", "").upper() != "CREATE":
            return  # with an APPEND, what was there before would go as well
        for pause in LOOKS:
            await asyncio.sleep(pause)
            with contextlib.suppress(NoAnswer, KeyError, ValueError):
                found = await self._ask_namenode("GET", "GETFILESTATUS", target)
                if json.loads(found.content)["FileStatus"]["modificationTime"] >= began:
                    await self._ask_namenode("DELETE", "DELETE", target)
                    _log.warning("%s was not finished and is deleted", unquote(target.path))
                    return

    async def _ask_namenode(self, method: str, operation: str, target: Target) -> Answer:
        """About the same file, as the same user."""
        user = {name: target.parameters[name] for name in _IDENTITY if name in target.parameters}
        where = f"{target.path}?{urlencode({'op': operation, **user})}"
        return await self._send(NAMENODE, NAMENODE_PORT, method, where, (), _nothing())


async def _hear_out(body: AsyncIterator[bytes]) -> None:
    """Take the rest of what the client says: only then does it read the answer."""
    with contextlib.suppress(ClientDisconnect):
        async for _ in body:
            pass


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _passed_on(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _NOT_PASSED_ON]


def _refusal(status: int, kind: str, message: str) -> Response:
    """An error as WebHDFS words it, which its clients show."""
    about = {"exception": kind.rpartition(".")[2], "javaClassName": kind, "message": message}
    return JSONResponse({"RemoteException": about}, status)
