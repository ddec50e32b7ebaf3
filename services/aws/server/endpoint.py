"""The lab's AWS endpoint: which services it executes, and on what.

`uvicorn --factory services.aws.server.endpoint:from_environment`.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import boto3
from botocore.config import Config
from starlette.applications import Starlette

from lakelab.errors import LabError
from lakelab.s3 import S3Storage
from services.aws.emr.cluster import SOCKET, ClusterExecutor, exchange
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import Away
from services.aws.emr.postgres import PostgresStore
from services.aws.server.app import build
from services.aws.server.service import Service, model_of
from services.aws.server.settings import EmrSettings, emr_settings, lab_keys

_HEALTH_SECONDS = 2.0


class Emr:
    """The EMR engine on the cluster's primary node, with its state in Postgres."""

    def __init__(self, settings: EmrSettings, keys: Mapping[str, str]) -> None:
        self._socket = settings.place / SOCKET
        self.store = PostgresStore(settings.database)
        storage = S3Storage(s3_client(settings, keys))
        executor = ClusterExecutor(settings.place)
        self.engine = EmrEngine(self.store, executor, storage, region=settings.region, account=settings.account)

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


def s3_client(settings: EmrSettings, keys: Mapping[str, str]) -> Any:
    """boto3's client of the stack's S3, by path, as no bucket has a name of its own in the network."""
    access_key, secret_key = next(iter(keys.items()))
    return boto3.client(
        "s3", endpoint_url=settings.s3_endpoint, region_name=settings.region,
        aws_access_key_id=access_key, aws_secret_access_key=secret_key,
        config=Config(
            s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=30,
            retries={"mode": "standard", "max_attempts": 4},
        ),
    )  # fmt: skip


def from_environment() -> Starlette:
    """The application for the settings in the environment. LabError for a setting that is missing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    settings, keys = emr_settings(os.environ), lab_keys(os.environ)
    services: dict[str, Service] = {}
    parts: list[Emr] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            emr = Emr(settings, keys)
        except LabError as error:
            logging.getLogger(__name__).error("%s", error)
            raise SystemExit(1) from None
        parts.append(emr)
        service = Service(model_of("emr"), emr.engine)
        services[service.signing_name] = service
        try:
            yield
        finally:
            emr.close()

    return build(services, keys, lambda: parts[0].health() if parts else {"ok": False}, lifespan)
