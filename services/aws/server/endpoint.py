"""The lab's AWS endpoint: which services it executes, and on what.

`uvicorn --factory services.aws.server.endpoint:from_environment`.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.types import ASGIApp

from lakelab.aws import aws_client
from lakelab.errors import LabError
from lakelab.s3 import S3Storage
from services.aws.console import app as console
from services.aws.console.views import Views
from services.aws.emr.cluster import SOCKET, ClusterExecutor, exchange
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import Away
from services.aws.emr.postgres import PostgresStore
from services.aws.emr.step_keys import StepKeys
from services.aws.emr.yarn import Yarn
from services.aws.emr.yarn_queues import YarnQueues
from services.aws.server.app import build
from services.aws.server.beside import Beside
from services.aws.server.service import Service, model_of
from services.aws.server.settings import ConsoleSettings, EmrSettings, console_settings, emr_settings, lab_keys
from services.aws.server.signature import utc_now

_HEALTH_SECONDS = 2.0


class Part(Protocol):
    """EMR as the endpoint serves it."""

    engine: EmrEngine

    def close(self) -> None: ...
    def health(self) -> Mapping[str, Any]: ...


class Emr:
    """The EMR engine on the cluster's primary node, with its state in Postgres."""

    def __init__(self, settings: EmrSettings, keys: Mapping[str, str]) -> None:
        self._socket = settings.place / SOCKET
        self.store = PostgresStore(settings.database)
        store = partial(
            aws_client, endpoint=settings.s3_endpoint, region=settings.region, keys=next(iter(keys.items())), tries=3
        )
        self.engine = EmrEngine(
            self.store, ClusterExecutor(settings.place), S3Storage(store("s3")), region=settings.region,
            account=settings.account, environment=StepKeys(store("sts"), settings.account, utc_now),
            shares=YarnQueues(Yarn(settings.resource_manager)) if settings.resource_manager else None,
        )  # fmt: skip

    def close(self) -> None:
        """Running steps go on; the next engine finds them again."""
        self.engine.close()
        self.store.close()

    def health(self) -> dict[str, Any]:
        return {"ok": self.engine.is_well(), "node": self._node()}

    def _node(self) -> str:
        try:
            exchange(self._socket, {"op": "ping"}, _HEALTH_SECONDS)
        except Away as away:
            return f"away: {away}"
        return "ok"


def application(keys: Mapping[str, str], open_emr: Callable[[], Part], page: ConsoleSettings | None = None) -> ASGIApp:
    """The endpoint for the owners of those keys, and its console if there shall be one. EMR is opened when the server
    starts, and closed when it stops.
    """
    services: dict[str, Service] = {}
    parts: list[Part] = []
    views: list[Views] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            emr = open_emr()
        except LabError as error:
            logging.getLogger(__name__).error("%s", error)
            raise SystemExit(1) from None
        parts.append(emr)
        service = Service(model_of("emr"), emr.engine)
        services[service.signing_name] = service
        if page:
            views.append(Views(service, emr.engine, page.endpoint))
        try:
            yield
        finally:
            emr.close()

    endpoint = build(services, keys, lambda: parts[0].health() if parts else {"ok": False}, lifespan)
    if page is None:
        return endpoint
    return Beside(endpoint, console.build(lambda: views[0] if views else None, page.key), console.PLACE, page.port)


def from_environment() -> ASGIApp:
    """The application for the settings in the environment. LabError for a setting that is missing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    settings, keys = emr_settings(os.environ), lab_keys(os.environ)
    return application(keys, lambda: Emr(settings, keys), console_settings(os.environ))
