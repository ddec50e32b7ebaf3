"""CI has a limit, and a machine may be too slow for it: what would begin too late is skipped, and said to be.

A run that is cut off proves nothing of what had passed. LAB_TEST_UNTIL: the last moment to begin, seconds since 1970.
"""

from __future__ import annotations

import os
import time

import pytest

WITHIN_A_TEST = "PYTEST_CURRENT_TEST" in os.environ  # which has begun, and ends with all that it runs


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    if not WITHIN_A_TEST and time.time() > float(os.environ.get("LAB_TEST_UNTIL", "inf")):
        pytest.skip("the time that CI has is up: see what took how long, or run it by `make test-rest`")
