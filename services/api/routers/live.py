"""The live stream: quotes and changes in the ERP as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from services.api.clients import Open
from services.api.feed import Message, Watchers
from services.api.problems import away, responses
from services.api.security import Right, may

BEAT_SECONDS = 15.0  # so that proxies and watchers know that the stream lives
router = APIRouter(tags=["live"], dependencies=[Depends(may(Right.READ))])


@router.get(
    "/live",
    summary="Quotes and changes as they come",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **responses(401, 403, 503)},
)
async def live(clients: Open) -> StreamingResponse:
    """Server-sent events: `quote` with symbol, price, volume and time; `change` with table, operation and place, and
    no values of the row."""
    queue = clients.watchers.join()
    if queue is None:
        raise away("too many are watching")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(clients.watchers, queue), media_type="text/event-stream", headers=headers)


async def _stream(watchers: Watchers, queue: asyncio.Queue[Message]) -> AsyncIterator[str]:
    try:
        yield ": hello\n\n"
        while True:
            try:
                message = await asyncio.wait_for(queue.get(), BEAT_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
            else:
                yield f"event: {message.kind}\ndata: {message.data}\n\n"
    finally:
        watchers.leave(queue)
