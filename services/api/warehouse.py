"""The warehouse, asked of HiveServer2 in threads, with a limit in time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lakelab.errors import LabError
from lakelab.hiveserver2 import HiveServer2, tells_of_missing
from services.api.problems import away

PATIENCE = 20.0


class NotMadeError(Exception):
    """A table that was asked for is not there yet."""


class Warehouse:
    """Two questions at a time; others wait."""

    def __init__(self, host: str, port: int) -> None:
        self._server = HiveServer2(host, port)
        self._threads = ThreadPoolExecutor(2, "hive")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._server.close()

    async def ask(self, sql: str) -> tuple[list[str], list[Any]]:
        """Column names and rows. NotMadeError: no such table. Problem 503: the warehouse does not answer in time."""
        question = asyncio.get_running_loop().run_in_executor(self._threads, self._server.query, sql)
        try:
            return await asyncio.wait_for(question, PATIENCE)
        except TimeoutError:
            raise away(f"the warehouse did not answer in {PATIENCE:.0f} s", 15) from None
        except LabError as error:
            if tells_of_missing(error):
                raise NotMadeError from None
            raise away("the warehouse does not answer", 15) from None
