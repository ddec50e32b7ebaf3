"""Waiting for something to come true, without sleeping longer than it takes.

Each look costs those work that are waited for. So the longer one has waited, the rarer one looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SHORTEST, LONGEST = 0.05, 0.5  # seconds between two looks
PART = 0.02  # of what one has waited already


def poll_until(check: Callable[[], T], what: str, seconds: float = 60) -> T:
    """The first true value of `check`; AssertionError that says what was awaited when none comes in time."""
    pause, began = threading.Event(), time.monotonic()
    while True:
        found = check()
        if found:
            return found
        waited = time.monotonic() - began
        assert waited < seconds, f"waited {seconds} s in vain for {what}"
        pause.wait(min(LONGEST, max(SHORTEST, PART * waited)))
