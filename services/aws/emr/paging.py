"""Lists in pages. A marker is the id of the last record shown, so that what comes or goes meanwhile moves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.aws.emr.errors import InvalidRequestException
from services.aws.emr.requests import Request
from services.aws.emr.shapes import Shape

PAGE = 50


def page(records: Sequence[Any], request: Request, name: str, key: str = "Id", size: int = PAGE) -> Shape:
    """The page of the shapes that the request's Marker asks for, as the member `name` of an answer, with the Marker
    of the next page if there is one. `key`: the member that tells the shapes apart.
    """
    start, marker = 0, request.get("Marker")
    if marker:
        keys = [record[key] for record in records]
        if marker not in keys:
            raise no_such_marker(marker)
        start = keys.index(marker) + 1
    return cut(records[start : start + size + 1], name, key, size)


def cut(found: Sequence[Any], name: str, key: str = "Id", size: int = PAGE) -> Shape:
    """An answer with the first `size` of the shapes, and a Marker if there were more."""
    shown = list(found[:size])
    return {name: shown, **({"Marker": shown[-1][key]} if len(found) > size else {})}


def no_such_marker(marker: str) -> InvalidRequestException:
    return InvalidRequestException(f"Marker '{marker}' is not valid.")
