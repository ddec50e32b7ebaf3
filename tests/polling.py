"""Waiting for something to come true, without sleeping longer than it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll_until(check: Callable[[], T], what: str, seconds: float = 60) -> T:
    """The first true value of `check`; AssertionError that says what was awaited when none comes in time."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        pause.wait(0.05)
