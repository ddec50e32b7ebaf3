"""The AWS endpoint on a port of the loopback, with an engine whose steps are processes of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from emr_lab import Emr
from polling import poll_until
from starlette.types import ASGIApp, Receive, Scope, Send

from services.aws.server.app import build
from services.aws.server.service import Service, model_of

KEY, SECRET = "AKIALAKELABTESTS0001", "a-secret/of+the=tests"


class Served:
    """A server on a port of the loopback; `app` is the application that it serves just now."""

    app: ASGIApp

    def __init__(self) -> None:
        config = uvicorn.Config(
            self._answer, "127.0.0.1", 0, interface="asgi3", log_level="warning", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        poll_until(lambda: self._server.started, "the server to listen", 15)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    @property
    def url(self) -> str:
        (listening,) = self._server.servers
        return f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(15)


@dataclass(frozen=True)
class Aws:
    """The endpoint, and clients of it."""

    url: str
    emr: Emr

    def client(self, service: str = "emr", key: str = KEY, secret: str = SECRET, **more: Any) -> Any:
        return client(self.url, service, key, secret, **more)


def client(url: str, service: str, key: str = KEY, secret: str = SECRET, **more: Any) -> Any:
    """boto3's client of a service at that address; errors are not tried again."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20, **more)
    return boto3.client(
        service, endpoint_url=url, region_name="eu-west-1", aws_access_key_id=key, aws_secret_access_key=secret,
        config=config,
    )  # fmt: skip


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """One server for all tests: it takes a fifth of a second to stop."""
    server = Served()
    yield server
    server.stop()


@pytest.fixture
def aws(emr: Emr, served: Served) -> Aws:
    service = Service(model_of("emr"), emr.engine)
    served.app = build({service.signing_name: service}, {KEY: SECRET}, lambda: {"ok": emr.engine.is_well()})
    return Aws(served.url, emr)
