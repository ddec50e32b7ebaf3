"""What an instance holds open while it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.api.averages import Averages
from services.api.erp.store import Store
from services.api.feed import Watchers
from services.api.intake.ids import Ids
from services.api.intake.intake import Intake
from services.api.intake.producer import Producer
from services.api.marts import Marts
from services.api.quotes import Board
from services.api.security import Guard


@dataclass(frozen=True)
class Clients:
    """Opened when the instance starts, closed when it ends."""

    guard: Guard
    store: Store
    producer: Producer
    ids: Ids
    intake: Intake
    marts: Marts
    averages: Averages
    board: Board
    watchers: Watchers


async def clients_of(request: Request) -> Clients:
    found: Clients = request.app.state.clients
    return found


Open = Annotated[Clients, Depends(clients_of)]
