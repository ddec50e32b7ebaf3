"""Logs as JSON lines, and the line and figures of each request.

A line has the route as it is declared, never the address as it came, and no query: both may say something of a person.
Events that went well are counted and get no line.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import socket
import sys
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api import metrics

LOOK_SECONDS = 5.0
_log = logging.getLogger("api.requests")


class JsonLines(logging.Formatter):
    """One JSON object for each record."""

    def __init__(self, instance: str) -> None:
        super().__init__()
        self._instance = instance

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "instance": self._instance,
        }
        line.update(getattr(record, "request", None) or {"logger": record.name, "message": record.getMessage()})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(instance: str) -> None:
    """All logs as JSON lines on standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(instance))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class Proxy:
    """The proxy whose word on a client's address counts. Its own address may change when it starts again."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._addresses: set[str] = set()
        self._looked = -LOOK_SECONDS

    def client(self, scope: Scope) -> str:
        """The address of the client: as the proxy says, or of whoever connected."""
        peer: str = (scope.get("client") or ("-", 0))[0]
        if self._host and self._is_proxy(peer):
            for name, value in scope["headers"]:
                if name == b"x-forwarded-for":
                    return str(value.decode("latin-1").rpartition(",")[2].strip()[:64])
        return peer

    def _is_proxy(self, peer: str) -> bool:
        if peer not in self._addresses and time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            try:
                self._addresses = {str(found[4][0]) for found in socket.getaddrinfo(self._host, None)}
            except OSError:
                self._addresses = set()
        return peer in self._addresses


class Requests:
    """ASGI middleware: an id, a line and figures for each request."""

    def __init__(self, app: ASGIApp, proxy: Proxy) -> None:
        self._app, self._proxy = app, proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        identifier = secrets.token_hex(16)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._tell(scope, status, identifier, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, identifier: str, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "-")
        metrics.REQUESTS.labels(scope["method"], route, status).inc()
        if not route.startswith("/live"):
            metrics.SECONDS.labels(route).observe(seconds)
        if status < 300 and route.startswith(("/events", "/health", "/metrics")):
            return
        line = {
            "request": identifier,
            "client": self._proxy.client(scope),
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        _log.log(logging.WARNING if status >= 500 else logging.INFO, "", extra={"request": line})
