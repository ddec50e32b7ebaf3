"""Marts: the warehouse's answers, to be cached by whoever stands between."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.api import etags
from services.api.clients import Open
from services.api.marts import FRESH_SECONDS, NAMES
from services.api.problems import responses
from services.api.security import Right, may

router = APIRouter(tags=["marts"], dependencies=[Depends(may(Right.READ))])
# One answer for each token: what one may see, another may not.
CACHING = {"Cache-Control": f"public, max-age={FRESH_SECONDS}", "Vary": "Authorization"}


class MartRows(BaseModel):
    """A mart's rows."""

    mart: str = Field(examples=["mart_regions"])
    rows: list[dict[str, Any]]


@router.get("/marts", summary="The marts there are", responses=responses(401, 403))
async def names() -> list[str]:
    return list(NAMES)


@router.get(
    "/marts/{name}",
    summary="A mart's rows",
    response_model=MartRows,
    responses={304: {"description": "As it was."}, **responses(401, 403, 404, 422, 503)},
)
async def rows(name: str, clients: Open, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Out of the warehouse, up to 30 seconds old."""
    answer = await clients.marts.read(name)
    headers = {"ETag": etags.quoted(answer.tag), **CACHING}
    if etags.unchanged(if_none_match, answer.tag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, media_type="application/json", headers=headers)
