"""Taking events: one as JSON, or many as lines of JSON (NDJSON)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api import metrics
from services.api.clients import Clients
from services.api.events import ADAPTERS, TYPES, Ready, read
from services.api.intake.intake import WAIT, Taken
from services.api.problems import MEDIA_TYPE, Problem, answer, away, responses, validation_errors
from services.api.security import Right, bearer, permit

ONE, MANY = 256 << 10, 8 << 20  # bytes of a body
MOST_LINES = 10_000
NDJSON = ("application/x-ndjson", "application/ndjson")
KIND = {
    "name": "kind",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": list(TYPES), "title": "Kind"},
}


class Stored(BaseModel):
    """Where an event is. All in-sync replicas have it."""

    event_id: str = Field(examples=["market-5-000001"])
    topic: str = Field(examples=["stock-market-data"])
    partition: int = Field(examples=[2])
    offset: int = Field(examples=[4711])
    again: bool = Field(description="Kafka had it before: this was a retry.", examples=[False])


class Line(BaseModel):
    """What became of a line: 201 stored, 200 it was there before, 409, 422 or 503 as for a single event."""

    line: int = Field(description="From 1 on.", examples=[1])
    status: int = Field(examples=[201])
    event_id: str | None = None
    partition: int | None = None
    offset: int | None = None
    detail: str | None = Field(None, description="Why it was not taken.")


class Lines(BaseModel):
    """What became of each line. Empty lines have none."""

    stored: int = Field(examples=[2])
    again: int = Field(examples=[0])
    refused: int = Field(examples=[1])
    results: list[Line]


ABOUT = """Takes events and answers when all in-sync replicas of Kafka have them.

**Retries are harmless** where an event brings its id (`impression_id`, `click_id`, else `event_id`): within an hour, on
every instance, the same id is stored once. A retry is answered with the place of the first try and `again`; another
event with a known id is a 409. An event without an id is given one, and sent twice it is two events.

**One event**: `application/json`, up to 256 KB; 201, or 200 where it was there. **Many**: `application/x-ndjson`, up
to 10,000 lines and 8 MB. Each line stands for itself: good lines are stored even if others are bad. 200 says that all
lines are on Kafka; 207 that some were refused, 422 that all were; 503 that Kafka did not take some. `results` tells
of each line, by its number. After a 503 the whole body may be sent again if its events have ids.

A 503 comes within seconds, with `Retry-After`. An event that was being sent then may be on Kafka or not: that is found
out in some 15 seconds, and a retry is asked to wait until then."""


def _content() -> dict[str, Any]:
    schemas = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in TYPES.values()]
    examples = {
        name: {"value": model.model_config["json_schema_extra"]["examples"][0]}  # type: ignore[index]
        for name, model in TYPES.items()
    }
    line = json.dumps(examples["stock-quotes"]["value"])
    many = {"schema": {"type": "string", "description": "A JSON object in each line."}, "example": f"{line}\n{line}\n"}
    return {"application/json": {"schema": {"anyOf": schemas}, "examples": examples}, NDJSON[0]: many}


router = APIRouter(tags=["events"])


@router.post(
    "/events/{kind}",
    summary="Send events",
    description=ABOUT,
    status_code=201,
    response_model=Stored,
    responses={
        200: {"description": "It was there before; for NDJSON: all lines are on Kafka.", "model": Stored | Lines},
        207: {"description": "Some lines were refused.", "model": Lines},
        **responses(401, 403, 404, 409, 413, 415, 422, 503),
    },
    # Said here, and looked after below.
    openapi_extra={
        "requestBody": {"required": True, "content": _content()},
        "parameters": [KIND],
        "security": [{bearer.scheme_name: []}],
    },
)
async def send(request: Request) -> Response:
    clients: Clients = request.app.state.clients
    permit(request, clients.guard, Right.EVENTS)
    kind = request.path_params["kind"]
    if kind not in ADAPTERS:
        raise Problem(404, f"there is no such kind of event: one of {', '.join(TYPES)}")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json":
        return await _one(kind, await _body(request, ONE), clients)
    if media in NDJSON:
        return await _many(kind, await _body(request, MANY), clients)
    raise Problem(415, "send application/json, or application/x-ndjson for many events")


ROUTE = router.routes[-1]


class Shortcut:
    """ASGI middleware: events go to `send` at once. What FastAPI and Starlette have around a route, and do to find it,
    takes longer than all that the function does. The route above declares it, and is for whatever else is asked there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, reply: Send) -> None:
        kind = _kind(scope) if scope["type"] == "http" and scope["method"] == "POST" else ""
        if not kind:
            await self._app(scope, receive, reply)
            return
        scope["route"], scope["path_params"] = ROUTE, {"kind": kind}
        try:
            response = await send(Request(scope, receive))
        except Problem as problem:
            response = answer(problem)
        await response(scope, receive, reply)


def _kind(scope: Scope) -> str:
    """The last part of /events/KIND; "" of any other path."""
    before, events, kind = scope["path"].removeprefix(scope.get("root_path", "")).partition("/events/")
    return kind if events and not before and "/" not in kind else ""


async def _body(request: Request, most: int) -> bytes:
    """The body; Problem 413 as soon as it is clear that it is too large."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise _too_large(most)
    blocks, size = [], 0
    async for block in request.stream():
        size += len(block)
        if size > most:
            raise _too_large(most)
        blocks.append(block)
    return b"".join(blocks)


def _too_large(most: int) -> Problem:
    return Problem(413, f"the body has more than {most >> 10} KB: send less at once")


async def _one(kind: str, body: bytes, clients: Clients) -> Response:
    try:
        event = read(kind, body)
    except ValidationError as error:
        found = validation_errors(error.errors(include_url=False, include_context=False, include_input=False))
        metrics.EVENTS.labels(TYPES[kind].topic, "refused").inc()
        raise Problem(422, _sentence(found), errors=found) from None
    taken = await _take(event, clients)
    place = taken.place
    return JSONResponse(
        {
            "event_id": event.id, "topic": event.topic, "partition": place.partition, "offset": place.offset,
            "again": taken.again,
        },
        200 if taken.again else 201,
    )  # fmt: skip


def _sentence(found: list[dict[str, str]]) -> str:
    return f"{found[0]['where']}: {found[0]['what']}" if found[0]["where"] else found[0]["what"]


async def _take(event: Ready, clients: Clients) -> Taken:
    try:
        taken = await clients.intake.take(event)
    except Problem:
        metrics.EVENTS.labels(event.topic, "refused").inc()
        raise
    metrics.EVENTS.labels(event.topic, "again" if taken.again else "taken").inc()
    return taken


async def _many(kind: str, body: bytes, clients: Clients) -> Response:
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise Problem(422, "the body has no line")
    if len(lines) > MOST_LINES:
        raise Problem(413, f"the body has more than {MOST_LINES:,} lines: send fewer at once")
    results = await asyncio.gather(*(_line(kind, number, line, clients) for number, line in lines))
    return _lines_answer(results)


async def _line(kind: str, number: int, text: bytes, clients: Clients) -> dict[str, Any]:
    try:
        event = read(kind, text)
    except ValidationError as error:
        found = validation_errors(error.errors(include_url=False, include_context=False, include_input=False))
        metrics.EVENTS.labels(TYPES[kind].topic, "refused").inc()
        return {"line": number, "status": 422, "detail": _sentence(found)}
    try:
        taken = await _take(event, clients)
    except Problem as problem:
        return {"line": number, "status": problem.status, "event_id": event.id, "detail": problem.detail}
    return {
        "line": number, "status": 200 if taken.again else 201, "event_id": event.id,
        "partition": taken.place.partition, "offset": taken.place.offset,
    }  # fmt: skip


def _lines_answer(results: Sequence[dict[str, Any]]) -> Response:
    statuses = [result["status"] for result in results]
    document = {
        "stored": statuses.count(201),
        "again": statuses.count(200),
        "refused": sum(status > 201 for status in statuses),
        "results": results,
    }
    if 503 in statuses:
        why = next(result["detail"] for result in results if result["status"] == 503)
        told = away(f"{statuses.count(503)} lines were not taken: {why}", WAIT)
        document |= {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": told.detail}
        return JSONResponse(document, 503, told.headers and dict(told.headers), MEDIA_TYPE)
    if max(statuses) <= 201:
        return JSONResponse(document, 200)
    if min(statuses) <= 201:
        return JSONResponse(document, 207)
    document |= {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "no line was taken"}
    return JSONResponse(document, 422, media_type=MEDIA_TYPE)
