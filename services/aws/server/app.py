"""The ASGI application: one address for all services that we execute.

A call is `POST /` with `X-Amz-Target: <prefix>.<Operation>`, signed for the service's name. `GET /health` is for
whoever watches over the container and tells nothing to be kept secret.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from services.aws.errors import AwsError
from services.aws.server import signature
from services.aws.server.body import read_body
from services.aws.server.errors import InternalFailure, InvalidSignature, Serialization, UnknownOperation
from services.aws.server.service import Service, front_error

_LOOKS = ("Describe", "Get", "List")
MEDIA_TYPE = "application/x-amz-json-1.1"
_log = logging.getLogger(__name__)
Health = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Endpoint:
    """Services by the name that requests are signed for; `secrets`: the secret key of each access key."""

    services: Mapping[str, Service]
    secrets: Mapping[str, str]
    health: Health
    clock: Callable[[], datetime] = signature.utc_now

    async def call(self, request: Request) -> Response:
        """Answer one call of an operation."""
        request_id, began = str(uuid.uuid4()), time.perf_counter()
        service: Service | None = None
        try:
            received = await read_body(request)
            credential = signature.check(received, self.secrets, self.clock())
            service, operation = self._addressed(credential.service, received.header("x-amz-target"))
            document = await run_in_threadpool(service.call, operation, _json(received.body))
            status, what = 200, operation
        except AwsError as error:
            document, status, what = _told(service, error), error.status, f"{error.code} {error.message!r}"
        except Exception:
            _log.exception("request %s failed", request_id)
            failure = InternalFailure()
            document, status, what = front_error(failure), failure.status, failure.code
        # Sensors look every second: what only looked, and found, is not worth a line.
        level = logging.DEBUG if status == 200 and what.startswith(_LOOKS) else logging.INFO
        target = request.headers.get("x-amz-target", "-")
        _log.log(level, "%s %s %d %.1f ms %s", request_id, target, status, (time.perf_counter() - began) * 1e3, what)
        return _response(document, status, request_id)

    async def healthy(self, request: Request) -> Response:
        """200 while calls can be executed, else 503; the body says what is wrong."""
        found = dict(await run_in_threadpool(self.health))
        return JSONResponse(found, 200 if found.get("ok") else 503)

    def _addressed(self, signed_for: str, target: str | None) -> tuple[Service, str]:
        prefix, _, operation = (target or "").rpartition(".")
        service = next((each for each in self.services.values() if each.prefix == prefix), None)
        if service is None:
            raise UnknownOperation
        if service.signing_name != signed_for:
            raise InvalidSignature(f"Credential should be scoped to correct service: '{service.signing_name}'. ")
        return service, operation


def build(
    services: Mapping[str, Service],
    secrets: Mapping[str, str],
    health: Health,
    lifespan: Lifespan[Starlette] | None = None,
    clock: Callable[[], datetime] = signature.utc_now,
) -> Starlette:
    """The application that executes these services for the owners of these keys. `lifespan` may fill `services`."""
    endpoint = Endpoint(services, secrets, health, clock)
    routes = [
        Route("/", endpoint.call, methods=["POST"]),
        Route("/health", endpoint.healthy, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise Serialization("Unexpected token received from parser") from None


def _told(service: Service | None, error: AwsError) -> dict[str, str]:
    return service.error(error) if service else front_error(error)


def _response(document: Any, status: int, request_id: str) -> Response:
    content = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
    return Response(content, status, {"x-amzn-RequestId": request_id}, MEDIA_TYPE)
