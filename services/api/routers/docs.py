"""The pages: OpenAPI to try out, and the live page. All they need is here; nothing comes from elsewhere."""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.api.problems import Problem

PAGES = Path(__file__).parent.parent / "pages"
SWAGGER = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
OURS = {"docs.js": "text/javascript", "live.js": "text/javascript", "page.css": "text/css"}
# Swagger UI sets styles of elements by itself.
POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs", 307)


@router.get("/docs")
async def docs() -> Response:
    return HTMLResponse((PAGES / "docs.html").read_bytes(), headers=POLICY)


@router.get("/live.html")
async def live() -> Response:
    return HTMLResponse((PAGES / "live.html").read_bytes(), headers=POLICY)


@router.get("/pages/{name}")
async def asset(name: str) -> Response:
    kind = SWAGGER.get(name) or OURS.get(name)
    if kind is None:
        raise Problem(404, "there is no such file")
    return Response(_content(name), media_type=kind, headers={**POLICY, "Cache-Control": "public, max-age=3600"})


@lru_cache
def _content(name: str) -> bytes:
    if name in OURS:
        return (PAGES / name).read_bytes()
    # Out of the package's files, without importing it: it is there for these two alone.
    found = next(f for f in importlib.metadata.files("fastapi-offline") or () if f.name == name)
    return Path(str(found.locate())).read_bytes()
