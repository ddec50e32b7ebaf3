"""The AWS services that only remember: moto's server, behind the same check of signatures as what executes.

`uvicorn --factory services.aws.server.moto:from_environment`. moto itself takes any key; here nobody without the
lab's own gets to it, so that a page in a browser cannot write to it either.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from xml.sax.saxutils import escape

from a2wsgi import WSGIMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.aws.errors import AwsError
from services.aws.server import cloudformation, remembered, signature
from services.aws.server.body import read_body
from services.aws.server.errors import InvalidSignature, MissingAuthenticationToken, UnrecognizedClient
from services.aws.server.service import front_error
from services.aws.server.settings import lab_keys
from services.aws.server.signature import Received

# What the oldest protocol, Query, calls the errors that those with JSON have other names for.
_QUERY_CODES: dict[type[AwsError], str] = {
    MissingAuthenticationToken: "MissingAuthenticationToken",
    UnrecognizedClient: "InvalidClientTokenId",
    InvalidSignature: "SignatureDoesNotMatch",
}


class Signed:
    """ASGI middleware: only what the owner of a key signed gets through. `GET /health` is answered here."""

    def __init__(
        self, app: ASGIApp, secrets: Mapping[str, str], clock: Callable[[], datetime] = signature.utc_now
    ) -> None:
        self._app, self._secrets, self._clock = app, secrets, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "GET" and scope["path"] == "/health":
            await PlainTextResponse("ok\n")(scope, receive, send)
        else:
            await self._checked(scope, receive, send)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        received: Received | None = None
        try:
            received = await read_body(request)
            signature.check(received, self._secrets, self._clock())
        except AwsError as error:
            await _refusal(request, received, error)(scope, receive, send)
            return
        body, sent = received.body, False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


def _refusal(request: Request, received: Received | None, error: AwsError) -> Response:
    """The error in the protocol that the request speaks."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if "x-amz-target" in request.headers:
        return Response(json.dumps(front_error(error)), error.status, headers, "application/x-amz-json-1.1")
    status = max(error.status, HTTPStatus.FORBIDDEN)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        document = json.dumps({"message": error.message})
        return Response(document, status, {**headers, "x-amzn-ErrorType": error.code}, "application/json")
    if _signed_for(received) == "ec2":
        message = "AWS was not able to validate the provided access credentials"
        inside = f"<Errors><Error><Code>AuthFailure</Code><Message>{message}</Message></Error></Errors>"
        text = f"<Response>{inside}<RequestID>{request_id}</RequestID></Response>"
        return Response(text, HTTPStatus.UNAUTHORIZED, headers, "text/xml")
    code = _QUERY_CODES.get(type(error), error.code)
    inside = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(error.message)}</Message>"
    text = f"<ErrorResponse><Error>{inside}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    return Response(text, status, headers, "text/xml")


def _signed_for(received: Received | None) -> str:
    try:
        return signature.read_credential(received.header("authorization")).service if received else ""
    except AwsError:
        return ""


def from_environment() -> ASGIApp:
    """moto's server for the lab's keys."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    remembered.complete_budgets()
    moto = remembered.with_bucket_settings(DomainDispatcherApplication(create_backend_app))
    moto = cloudformation.with_cloudformation(moto)
    return Signed(WSGIMiddleware(moto, workers=4), lab_keys(os.environ))  # type: ignore[arg-type]
