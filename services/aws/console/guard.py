"""Who may use the console: whoever bears its key, from its own page, under a name of this machine.

The key is in the header `Authorization: Bearer`. On a laptop it is drawn at each start and comes to the page in the
fragment of the printed address, which no browser sends to anyone; the page keeps it for its own origin. A cookie
would not do: browsers give those of 127.0.0.1 to every port of it, so to what other users of the machine serve there.
In the stack Nginx puts the key on what it lets in by password, so that containers which see the console's port
cannot use it.

A browser adds a password that it has to requests of other sites as well, therefore these are refused by what it says
of them: Host (DNS rebinding), Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_OWN = frozenset({"same-origin", "none", ""})


class Guarded:
    """Lets requests through to `app` that may be answered. Without a key: only those for files of the page."""

    def __init__(self, app: ASGIApp, key: str | None = None) -> None:
        if key == "":
            raise ValueError("an empty key would open the console to everyone")
        self._app, self._key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(HTTPConnection(scope), scope["method"])
        if refused is None:
            await self._app(scope, receive, send)
            return
        status, why = refused
        await JSONResponse({"message": why}, status, {"Cache-Control": "no-store"})(scope, receive, send)

    def _refusal(self, asked: HTTPConnection, method: str) -> tuple[int, str] | None:
        host, origin = asked.headers.get("host", ""), asked.headers.get("origin")
        if _name(host) not in _HERE:
            return 403, "The console is at localhost."
        if self._key is None:
            return None
        site = asked.headers.get("sec-fetch-site", "")
        if site not in _OWN or (origin is not None and urlsplit(origin).netloc != host):
            return 403, "A page of another site may not use the console."
        if not hmac.compare_digest(asked.headers.get("authorization", "").encode(), f"Bearer {self._key}".encode()):
            return 401, "The console's key is missing or not the present one."
        if method not in ("GET", "HEAD") and not _from_the_page(asked, origin):
            return 403, "Changes are made from the console's own page."
        return None


def _from_the_page(asked: HTTPConnection, origin: str | None) -> bool:
    """Browsers name the origin of what changes something, and send JSON to another one only when they are allowed."""
    return origin is not None and asked.headers.get("content-type", "").partition(";")[0] == "application/json"


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
