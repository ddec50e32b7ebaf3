"""The API, where a connection to Postgres is ended while it is being given a statement."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from lakelab.catalogue import table
from services.api.erp.store import Store
from services.api.events import Ready
from services.api.intake.ids import Ids, IdsAway
from services.api.problems import Problem

EVENT = Ready("app-events", "event-0001", b"key", b"{}", True)


class Ended:
    """A pool whose connections were all ended a moment ago."""

    async def fetch(self, *statement: Any) -> list[Any]:
        raise asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")

    acquire = execute = fetch


def test_an_event_whose_id_cannot_be_compared_is_told_so():
    with pytest.raises(IdsAway):
        asyncio.run(_claim())


async def _claim() -> None:
    await Ids(Ended()).claim(EVENT)


def test_a_row_that_cannot_be_read_is_told_so():
    with pytest.raises(Problem) as told:
        asyncio.run(Store(Ended()).one(table("campuses"), 1))
    assert (told.value.status, told.value.detail) == (503, "the ERP does not answer")
