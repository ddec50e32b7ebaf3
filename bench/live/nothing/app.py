"""A FastAPI route that does nothing: takes a body and answers as long a document as the API does."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
ANSWER = {"event_id": "0" * 32, "topic": "app-events", "partition": 0, "offset": 1_000_000, "again": False}


@app.post("/events/{kind}")
async def send(kind: str, request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse(ANSWER, 201)
