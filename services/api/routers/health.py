"""Whether an instance is well, and its figures. Neither needs a token; the entrance lets nobody to the figures."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from services.api import metrics
from services.api.clients import Open
from services.api.problems import Problem, responses

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str = Field(examples=["ok"])


@router.get("/health/live", summary="Does the instance serve?")
async def live() -> Health:
    return Health(status="ok")


@router.get("/health/ready", summary="Can it take events and read the ERP?", responses=responses(503))
async def ready(clients: Open) -> Health:
    """200 when Kafka and the ERP answer, else 503 with the reason."""
    if clients.producer.away:
        raise Problem(503, f"Kafka does not take events: {clients.producer.away}", headers={"Retry-After": "5"})
    await clients.store.well()
    return Health(status="ok")


@router.get("/metrics", include_in_schema=False)
async def figures(clients: Open) -> Response:
    metrics.KAFKA_AWAY.set(bool(clients.producer.away))
    metrics.WATCHERS.set(len(clients.watchers))
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)
