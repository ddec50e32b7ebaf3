"""Errors as clients see them: application/problem+json (RFC 9457), each with one sentence that says what is wrong.

What a client sent is never repeated in an answer or a log: it may be personal.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class ProblemDocument(BaseModel):
    """An error."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["students: another row has this email"])
    errors: list[dict[str, str]] | None = Field(None, description="What is wrong where, for a body or query.")


class Problem(Exception):
    """An answer that is not a success. detail: one sentence."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        self.status, self.detail, self.headers, self.errors = status, detail, headers, errors
        super().__init__(detail)


def away(detail: str, seconds: int = 5) -> Problem:
    """503: something behind the API cannot do it now; the client shall try again after so many seconds."""
    return Problem(503, detail, headers={"Retry-After": str(seconds)})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How these errors are described in OpenAPI."""
    return {
        status: {"description": HTTPStatus(status).phrase, "model": ProblemDocument, "content": {MEDIA_TYPE: {}}}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Every error of the application as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def answer(problem: Problem) -> Response:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = problem.errors
    return Response(json.dumps(document), problem.status, problem.headers, MEDIA_TYPE)


def validation_errors(errors: Any) -> list[dict[str, str]]:
    """pydantic's errors as place and reason, without what was sent."""
    return [{"where": ".".join(map(str, error["loc"])), "what": str(error["msg"])} for error in errors]


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = validation_errors(error.errors())
    return answer(Problem(422, f"{found[0]['where']}: {found[0]['what']}", errors=found))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # FastAPI's word for a body that is not even text; what is no JSON has a 422 elsewhere
        return answer(Problem(422, "the body is not valid JSON"))
    return answer(Problem(error.status_code, error.detail, headers=error.headers))


async def _bug(request: Request, error: Exception) -> Response:
    _log.error("%s", type(error).__name__, exc_info=error)
    return answer(Problem(500, "a fault of the API; its log says more"))
