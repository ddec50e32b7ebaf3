"""Pages by key: where a page ends is told by the last row's own values, so that no row is missed or seen twice
while others come and go before it, and the last page costs what the first one does.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lakelab.catalogue import Table
from services.api.erp.models import annotation
from services.api.problems import Problem


@dataclass(frozen=True)
class Order:
    """A column to sort by. The key decides between rows that have the same value there."""

    column: str
    down: bool

    @property
    def text(self) -> str:
        return f"-{self.column}" if self.down else self.column


def order_of(text: str) -> Order:
    return Order(text.removeprefix("-"), text.startswith("-"))


@dataclass(frozen=True)
class Mark:
    """The last row of a page: its value in the column of the order, and its key."""

    value: Any
    key: Any


def write_mark(order: Order, value: Any, key: Any) -> str:
    """As it goes into the address of the next page."""
    text = json.dumps([order.text, value, key], default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_mark(table: Table, order: Order, text: str) -> Mark:
    """Problem 422 for what `write_mark` cannot have written for this order."""
    try:
        ordered, value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if ordered != order.text:
            raise Problem(422, "after: this page belongs to another order: begin with the first one")
        column = table.column(order.column)
        return Mark(
            None if value is None and column.nullable else TypeAdapter(annotation(column)).validate_python(value),
            TypeAdapter(annotation(table.column("id"))).validate_python(key),
        )
    except (ValueError, TypeError, ValidationError, RecursionError):
        raise Problem(422, "after: not the mark of a page: take the address in `next` as it is") from None
