"""The ASGI application: the page's files for everyone on this machine, data and changes for who bears the key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from services.aws.console.guard import Guarded
from services.aws.console.views import Listing, Views
from services.aws.emr.executor import Span
from services.aws.emr.logs import NAMES
from services.aws.errors import AwsError

PLACE = "/emr"  # where it is on each server
_PAGE = Path(__file__).with_name("page")
_AT_ONCE = 8  # calls in threads of their own, so that slow ones, as for logs, keep no call of the API waiting
_MOST_LOG = 1 << 18
_MOST_BODY = 1 << 12
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FRESH = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_ASSETS = {**_POLICY, "Cache-Control": "no-cache"}


class Console:
    """`views`: of the engine that is served just now; None while there is none."""

    def __init__(self, views: Callable[[], Views | None]) -> None:
        self._views = views
        self._turns = anyio.CapacityLimiter(_AT_ONCE)

    async def clusters(self, request: Request) -> Response:
        return await self._look(request, lambda views: views.clusters(_listing(request)))

    async def cluster(self, request: Request) -> Response:
        return await self._look(request, lambda views: views.cluster(_cluster(request)))

    async def steps(self, request: Request) -> Response:
        return await self._look(request, lambda views: views.steps(_cluster(request), _listing(request)))

    async def step(self, request: Request) -> Response:
        return await self._look(request, lambda views: views.step(_cluster(request), _step(request)))

    async def log(self, request: Request) -> Response:
        """Bytes of a log from `from`, or its last ones, as they are; headers tell where they are in how many."""
        try:
            start = int(request.query_params["from"]) if "from" in request.query_params else None
            span = Span(start, min(int(request.query_params.get("most", _MOST_LOG)), _MOST_LOG))
        except ValueError:
            return _told(400, "from and most are numbers of bytes.")
        if span.most < 1 or (start is not None and start < 0):
            return _told(400, "from and most are numbers of bytes.")
        name = request.path_params["name"]
        if name not in NAMES:
            return _told(404, f"There is no log {name}: one of {', '.join(NAMES)}.")

        def read(views: Views) -> Response:
            part = views.log(_cluster(request), _step(request), name, span)
            where = {"Log-From": str(part.start), "Log-Size": str(part.size)}
            return Response(part.content, media_type="text/plain; charset=utf-8", headers={**_FRESH, **where})

        return await self._answer(read)

    async def cancel(self, request: Request) -> Response:
        option = (await _body(request)).get("option", "SEND_INTERRUPT")
        return await self._answer(
            lambda views: JSONResponse(views.cancel(_cluster(request), _step(request), option), headers=_FRESH)
        )

    async def terminate(self, request: Request) -> Response:
        return await self._answer(lambda views: JSONResponse(views.terminate(_cluster(request)), headers=_FRESH))

    async def page(self, request: Request) -> Response:
        return FileResponse(_PAGE / "index.html", headers=_ASSETS)

    async def asset(self, request: Request) -> Response:
        return FileResponse(_PAGE / Path(request.url.path).name, headers=_ASSETS)

    async def health(self, request: Request) -> Response:
        well = self._views() is not None
        return PlainTextResponse("well\n" if well else "starting\n", 200 if well else 503)

    async def _look(self, request: Request, show: Callable[[Views], Mapping[str, Any]]) -> Response:
        """What it shows, or only that nothing changed since the client looked: that costs nothing."""

        def looked(views: Views) -> Response:
            tag = f'"{views.version}"'  # before the look: what changes meanwhile is seen with the next one
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers={**_FRESH, "ETag": tag})
            return JSONResponse(show(views), headers={**_FRESH, "ETag": tag})

        return await self._answer(looked)

    async def _answer(self, act: Callable[[Views], Response]) -> Response:
        views = self._views()
        if views is None:
            return _told(503, "EMR is being started. Try again in a moment.")
        try:
            return await anyio.to_thread.run_sync(act, views, limiter=self._turns)
        except AwsError as error:
            return _told(error.status, error.message)


def build(views: Callable[[], Views | None], key: str) -> Starlette:
    """The application, for whoever bears that key. It is to be mounted at PLACE."""
    console = Console(views)
    step = "/clusters/{cluster}/steps/{step}"
    data = [
        Route("/clusters", console.clusters),
        Route("/clusters/{cluster}", console.cluster),
        Route("/clusters/{cluster}/steps", console.steps),
        Route(step, console.step),
        Route(f"{step}/logs/{{name}}", console.log),
        Route(f"{step}/cancel", console.cancel, methods=["POST"]),
        Route("/clusters/{cluster}/terminate", console.terminate, methods=["POST"]),
    ]
    pages = [
        *(Route(path, console.page) for path in ("/", "/clusters/{cluster}", step)),
        *(Route(f"/{file.name}", console.asset) for file in sorted(_PAGE.iterdir()) if file.suffix in (".css", ".js")),
    ]
    return Starlette(
        routes=[
            Route("/health", console.health),
            Mount("/api", routes=data, middleware=[Middleware(Guarded, key=key)]),
            Mount("/", routes=pages, middleware=[Middleware(Guarded)]),
        ]
    )


def _cluster(request: Request) -> str:
    return str(request.path_params["cluster"])


def _step(request: Request) -> str:
    return str(request.path_params["step"])


def _listing(request: Request) -> Listing:
    asked = request.query_params
    return Listing(asked.getlist("state"), asked.get("search", ""), asked.get("after"))


async def _body(request: Request) -> Mapping[str, Any]:
    """The members of a small JSON object; empty when it is none."""
    content = b""
    async for block in request.stream():
        content += block
        if len(content) > _MOST_BODY:
            return {}
    try:
        members = json.loads(content or b"{}")
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _told(status: int, why: str) -> Response:
    return JSONResponse({"message": why}, status, _FRESH)
