"""A request as a whole, body and all, from the ASGI server."""

from __future__ import annotations

from starlette.requests import Request

from services.aws.server.errors import RequestTooLarge
from services.aws.server.signature import Received

MOST_BYTES = 16 << 20  # the largest request that AWS takes of the services we execute is under 10 MiB


async def read_body(request: Request, most: int = MOST_BYTES) -> Received:
    """The request with its body. RequestTooLarge as soon as that is clear."""
    blocks, size = [], 0
    async for block in request.stream():
        size += len(block)
        if size > most:
            raise RequestTooLarge("Request size exceeded the limit")
        blocks.append(block)
    headers = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.scope["headers"]
    )
    raw_path = request.scope.get("raw_path") or request.scope["path"].encode()
    return Received(
        request.method,
        raw_path.decode("latin-1").partition("?")[0],
        request.scope["query_string"].decode("latin-1"),
        headers,
        b"".join(blocks),
    )
