"""Role `home`: the start page, behind Nginx. `python -m lab.stack.home`.

A page of links with the health of what they lead to, as seen from inside the network. Nothing on it comes from
elsewhere; it needs no script to be read, one keeps the health fresh. Beside it, uploads to HDFS (uploads.py).
"""

from __future__ import annotations

import asyncio
import os
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lab.live import page as kafka_page
from lab.stack import role
from lab.stack.addresses import PROFILES, Address, filled
from lab.stack.uploads import Uploads

FOLDER = Path(__file__).with_name("start_page")
PROBE_SECONDS = 2.0
FRESH_SECONDS = 2.0  # so long a look is shown again, however many pages are open
PORT = 8000
POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Health:
    """What a look at a service found. seen: "well", or what is wrong with it."""

    well: bool
    seen: str


async def probe(address: Address) -> Health:
    """Ask the service itself, for no longer than PROBE_SECONDS."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            if address.probe.startswith("http://"):
                return await asyncio.to_thread(_ask, address.probe)
            host, _, port = address.probe.rpartition(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return Health(True, "well")
    except TimeoutError:
        return Health(False, f"no answer in {PROBE_SECONDS:.0f} s")
    except OSError:
        return Health(False, "does not answer")


def _ask(url: str) -> Health:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
            # Airflow answers 200 also when its scheduler is dead, and says so in the text.
            ill = b'"unhealthy"' in answer.read(65536)
    except urllib.error.HTTPError as error:
        return Health(False, f"answers {error.code}")
    return Health(False, "says that a part is not well") if ill else Health(True, "well")


class Doctor:
    """Looks at every address at once, and not more often than makes sense."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._lock = asyncio.Lock()
        self._found: dict[str, Health] = {}
        self._at = -FRESH_SECONDS

    async def look(self) -> dict[str, Health]:
        """Health by name. The page itself is well when it asks."""
        async with self._lock:
            if time.monotonic() - self._at >= FRESH_SECONDS:
                found = await asyncio.gather(*map(probe, self._addresses))
                self._found = {a.name: health for a, health in zip(self._addresses, found, strict=True)}
                self._at = time.monotonic()
            return self._found


def make_app(values: Mapping[str, str], halves: Collection[str] = PROFILES) -> Starlette:
    """The application, for the ports and logins of `.env.local` and the halves of the stack that run."""
    addresses = [address for address in filled(values, halves) if address.service != "home"]
    doctor = Doctor(addresses)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True)
    template = environment.get_template("page.html.j2")

    async def page(request: Request) -> Response:
        text = template.render(addresses=addresses, health=await doctor.look(), values=values, halves=halves)
        return HTMLResponse(text, headers=POLICY)

    async def health(request: Request) -> Response:
        found = await doctor.look()
        return JSONResponse({n: {"well": h.well, "seen": h.seen} for n, h in found.items()}, headers=POLICY)

    async def alive(request: Request) -> Response:
        return PlainTextResponse("well\n")

    async def asset(request: Request) -> Response:
        return FileResponse(FOLDER / Path(request.url.path).name, headers=POLICY)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/health.json", health),
            Route("/health", alive),
            Route("/page.css", asset),
            Route("/page.js", asset),
            *(kafka_page.routes(os.environ.get("KAFKA_BOOTSTRAP", ""), POLICY) if "live" in halves else ()),
            Uploads().route,
        ]
    )


def needed_keys() -> list[str]:
    """The keys that the addresses are filled with, which the container must be given."""

    class Asked(dict[str, str]):
        def __missing__(self, key: str) -> str:
            self[key] = ""
            return ""

    asked = Asked()
    filled(asked)
    return sorted(asked)


def serve() -> str:
    """Serve until stopped."""
    import uvicorn

    values = {**{name: role.need(name) for name in needed_keys()}, "LAB_BUCKET": role.need("LAB_BUCKET")}
    port = int(os.environ.get("PORT", PORT))
    halves = role.need("STACK_PROFILES").split(",")
    uvicorn.run(make_app(values, halves), host="0.0.0.0", port=port, access_log=False, log_level="warning")
    return "stopped"


if __name__ == "__main__":
    role.run(serve)
