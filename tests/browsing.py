"""The browser that tests look with: one Chromium for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from lab.report.screenshot import find_browser
from lakelab.errors import LabError

if TYPE_CHECKING:  # most tests need no browser, and do not wait for its library
    from playwright.sync_api import Browser

SLOW = 60_000  # milliseconds that a page may take on a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    try:
        program = find_browser()
    except LabError:
        pytest.skip("no Chromium to look with: make browser, or set CHROMIUM")
    expect.set_options(timeout=SLOW)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()
