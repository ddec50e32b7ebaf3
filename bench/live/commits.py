"""Rows of the benchmark's own in the ERP, and the moment of each commit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from lab.embedded.postgres import OWNER
from lab.stack.place import Stack
from lakelab.catalogue import table
from lakelab.database import connected

TABLE = table("companies")
ROW = 9_650_000  # beyond those of the school, and of `lab chaos`
_NEW = f"INSERT INTO public.{TABLE.name} VALUES (%s, 'Benchmark', 'IT', 'Lyon', 'Rhône', 1)"
_CHANGE = f"UPDATE public.{TABLE.name} SET employees = %s WHERE id = %s"
_GONE = f"DELETE FROM public.{TABLE.name} WHERE id = %s"


class Row:
    """One row, changed again and again: its head count tells which change it is. Counts are never used twice."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.count = 1

    def change(self) -> float:
        """Change the row by one; when the ERP confirmed it, by time.perf_counter()."""
        self.count += 1
        with self._session.cursor() as cursor:
            cursor.execute(_CHANGE, (self.count, ROW))
        self._session.commit()
        return time.perf_counter()


@contextlib.contextmanager
def own_row(stack: Stack) -> Iterator[Row]:
    """The row, there from the start of the block to its end."""
    with connected(stack.connecting(OWNER)) as session:
        try:
            _do(session, _GONE)
            _do(session, _NEW)
            yield Row(session)
        finally:
            session.rollback()
            _do(session, _GONE)


def _do(session: Any, statement: str) -> None:
    with session.cursor() as cursor:
        cursor.execute(statement, (ROW,))
    session.commit()
