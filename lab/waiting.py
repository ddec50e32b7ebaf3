"""Waiting for something to come true, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from lakelab.errors import LabError

T = TypeVar("T")


def until(check: Callable[[], T | None], seconds: float, failure: LabError, pause: float = 0.2) -> T:
    """The first true value of `check`, asked again every `pause` seconds. Raises `failure` when none comes in time."""
    rest, end = Event(), time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > end:
            raise failure
        rest.wait(pause)
    return found
