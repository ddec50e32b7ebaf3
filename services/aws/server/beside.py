"""A page beside the endpoint, in the same process: at a place of the endpoint's own port, or on a port of its own."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send


class Beside:
    """Answers by `page` what comes for `place`, and by `endpoint` the rest.

    port: the page is there alone and the endpoint not at all, whatever the request says of itself; None: both
    share a port.
    """

    def __init__(self, endpoint: ASGIApp, page: ASGIApp, place: str, port: int | None) -> None:
        self._endpoint, self._place, self._port = endpoint, place, port
        self._page = Starlette(routes=[Mount(place, page)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._page if scope["type"] == "http" and self._is_for_page(scope) else self._endpoint
        await app(scope, receive, send)

    def _is_for_page(self, scope: Scope) -> bool:
        if self._port is None:
            path: str = scope["path"]
            return path == self._place or path.startswith(f"{self._place}/")
        # Of the socket that took the connection, not of a header.
        server = scope.get("server")
        return server is not None and server[1] == self._port
