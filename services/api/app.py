"""The application: what is opened at the start, the routers, and what all answers have in common."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from fastapi import FastAPI

from services.api import logs, postgres, problems
from services.api.averages import Averages
from services.api.clients import Clients
from services.api.erp.store import Store
from services.api.feed import Feed, Watchers
from services.api.intake import doubts
from services.api.intake.ids import Ids
from services.api.intake.intake import Intake
from services.api.intake.producer import Producer
from services.api.marts import Marts
from services.api.quotes import Board
from services.api.routers import docs, erp, events, health, live, marts, quotes
from services.api.security import Guard
from services.api.settings import Settings, load_settings
from services.api.warehouse import Warehouse

ABOUT = """The school's ERP as resources, events into Kafka, marts and quotes out of the lab.

Every call needs a bearer token; `make urls` has one for each role. Errors are `application/problem+json` with one
sentence in `detail`. A 503 says in `Retry-After` when to try again."""
PROBE_SECONDS = 1.0
_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application of these settings. Nothing is opened before it is started."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(settings) as clients:
            app.state.clients = clients
            yield

    app = FastAPI(title="Lakelab API", version="1", description=ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None)
    problems.install(app)
    for router in (events.router, health.router, quotes.router, marts.router, live.router, docs.router, *erp.ROUTERS):
        app.include_router(router)
    app.add_middleware(events.Shortcut)  # the first is the innermost
    app.add_middleware(logs.Requests, proxy=logs.Proxy(settings.proxy))
    return app


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Clients]:
    """Connections to what is behind the API. Postgres must be there; Kafka and the warehouse may come later."""
    async with contextlib.AsyncExitStack() as stack:
        erp_pool = await stack.enter_async_context(postgres.pool(settings.erp_database, 5))
        ids_pool = await stack.enter_async_context(postgres.pool(settings.ids_database, 5))
        ids = Ids(ids_pool)
        await ids.open()
        stack.push_async_callback(ids.close)
        producer = Producer(settings.brokers, settings.instance, _end)
        stack.push_async_callback(producer.close)
        board, watchers = Board(), Watchers()
        feed = Feed(settings.brokers, board, watchers)
        stack.push_async_callback(asyncio.to_thread, feed.close)
        warehouse = Warehouse(*settings.hive)
        stack.callback(warehouse.close)
        for task in (doubts.watch(ids_pool, settings.brokers, settings.id_window), _probe(producer)):
            stack.push_async_callback(_cancelled, _begun(task))
        guard = Guard(settings.tokens)
        yield Clients(
            guard, Store(erp_pool), producer, ids, Intake(producer, ids), Marts(warehouse), Averages(warehouse), board,
            watchers,
        )  # fmt: skip


async def _probe(producer: Producer) -> None:
    """While Kafka is away, look whether it has come back: nobody can send before."""
    while True:
        if producer.away:
            await asyncio.to_thread(producer.look)
        await asyncio.sleep(PROBE_SECONDS)


def _begun(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task without which the instance would refuse events, or keep them in doubt: the instance ends with it."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: None if done.cancelled() else _end(f"{done.get_coro()}: {done.exception()}"))
    return task


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _end(why: str) -> None:
    """Events cannot be taken any more. The process ends, and its container starts another."""
    _log.error("what takes events is broken, and the instance ends: %s", why)
    os.kill(os.getpid(), signal.SIGTERM)


def from_environment() -> FastAPI:
    """For uvicorn's factory."""
    settings = load_settings()
    logs.set_up(settings.instance)
    return create_app(settings)
