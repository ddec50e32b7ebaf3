"""The ERP's tables as resources, all of one make: lists, rows, new rows, changes, deletions."""

# No `from __future__ import annotations`: FastAPI reads the parameters' types, which are made here, table by table.
import json
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, create_model

from lakelab.catalogue import TABLES, Kind, Table
from services.api import etags
from services.api.clients import Open
from services.api.erp.models import INT_LIMIT, MODELS
from services.api.erp.pages import order_of, read_mark, write_mark
from services.api.erp.store import Row
from services.api.problems import Problem, responses
from services.api.security import Right, may

IfMatch = Annotated[str | None, Header(description="Change it only if it is this version: an ETag of the row.")]
IfNoneMatch = Annotated[str | None, Header(description="304 if it is still this version.")]
TAG = {"ETag": {"description": "The row's version.", "schema": {"type": "string"}}}


def _key(table: Table) -> Any:
    """The type of a row's key in an address."""
    if table.column("id").kind is Kind.INT:
        return Annotated[int, Path(ge=-INT_LIMIT - 1, le=INT_LIMIT, description=table.column("id").doc)]
    return Annotated[str, Path(max_length=200, pattern=r"^[^\x00]+$", description=table.column("id").doc)]


def router_of(table: Table) -> APIRouter:
    """The addresses of one table."""
    models = MODELS[table.name]
    key, given = _key(table), models.filter
    router = APIRouter(prefix=f"/{table.name}", tags=[table.name], dependencies=[Depends(may(Right.ERP))])
    page = create_model(
        f"{models.row.__name__}Page",
        items=(list[models.row], Field(...)),  # type: ignore[name-defined]
        next=(str | None, Field(None, description="Address of the next page; absent on the last one.")),
    )
    known: dict[int | str, dict[str, Any]] = {200: {"headers": TAG}}

    @router.get("", summary=f"{table.name}: a page", response_model=page, responses=responses(401, 403, 422, 503))
    async def pages(request: Request, clients: Open, query: Annotated[given, Query()]) -> Response:  # type: ignore[valid-type]
        """Rows in order, filtered by any column's value."""
        return await _page(table, request, clients, query)

    @router.get(
        "/{key}", summary=f"{table.name}: a row", response_model=models.row,
        responses={**known, 304: {"description": "It is still that version."}, **responses(401, 403, 404, 422, 503)},
    )  # fmt: skip
    async def one(key: key, clients: Open, if_none_match: IfNoneMatch = None) -> Response:  # type: ignore[valid-type]
        row = await clients.store.one(table, key)
        if etags.unchanged(if_none_match, row.version):
            return Response(status_code=304, headers={"ETag": etags.quoted(row.version)})
        return _answer(row)

    @router.post(
        "", summary=f"{table.name}: a new row", status_code=201, response_model=models.row,
        responses={201: {"headers": TAG}, **responses(401, 403, 409, 422, 503)},
    )  # fmt: skip
    async def add(request: Request, clients: Open, body: models.new) -> Response:  # type: ignore[name-defined]
        values = _values(body)
        if values.get("id") is None:
            values.pop("id", None)
        row = await clients.store.add(table, values)
        place = f"{request.scope.get('root_path', '')}/{table.name}/{quote(str(row.values['id']), safe='')}"
        return _answer(row, 201, {"Location": place})

    errors = responses(401, 403, 404, 409, 412, 422, 503)

    @router.patch(
        "/{key}", summary=f"{table.name}: change columns", response_model=models.row, responses={**known, **errors}
    )
    async def change(key: key, clients: Open, body: models.change, if_match: IfMatch = None) -> Response:  # type: ignore[valid-type,name-defined]
        """Columns that are not named stay as they are."""
        changes = body.model_dump(exclude_unset=True)
        _refuse_null(table, changes)
        return _answer(await clients.store.change(table, key, changes, etags.wanted(if_match)))

    @router.put(
        "/{key}", summary=f"{table.name}: replace a row", response_model=models.row, responses={**known, **errors}
    )
    async def replace(key: key, clients: Open, body: models.replacement, if_match: IfMatch = None) -> Response:  # type: ignore[valid-type,name-defined]
        """All columns but the key. A row that is not there is not made: use POST."""
        return _answer(await clients.store.change(table, key, _values(body), etags.wanted(if_match)))

    @router.delete("/{key}", summary=f"{table.name}: delete a row", status_code=204, responses=errors)
    async def remove(key: key, clients: Open, if_match: IfMatch = None) -> Response:  # type: ignore[valid-type]
        await clients.store.remove(table, key, etags.wanted(if_match))
        return Response(status_code=204)

    return router


async def _page(table: Table, request: Request, clients: Open, query: Any) -> Response:
    asked = query.model_dump(exclude_none=True)
    limit, order, after = asked.pop("limit"), order_of(asked.pop("order")), asked.pop("after", None)
    mark = read_mark(table, order, after) if after is not None else None
    rows, more = await clients.store.page(table, asked, order, mark, limit)
    document: dict[str, Any] = {"items": [row.values for row in rows]}
    if more:
        last = rows[-1].values
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
        after = write_mark(order, last[order.column], last["id"])
        document["next"] = f"{request.scope.get('root_path', '')}/{table.name}?{urlencode([*others, ('after', after)])}"
    return _json(document)


def _values(body: BaseModel) -> dict[str, Any]:
    return body.model_dump()


def _refuse_null(table: Table, changes: dict[str, Any]) -> None:
    """A column that is left out and one that is null look alike to the model; the table knows which may be null."""
    for name, value in changes.items():
        if value is None and not table.column(name).nullable:
            raise Problem(422, f"{table.name}: {name} must have a value")


def _answer(row: Row, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return _json(row.values, status, {"ETag": etags.quoted(row.version), **(headers or {})})


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


ROUTERS = [router_of(table) for table in TABLES]
