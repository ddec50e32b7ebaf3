"""A page of the browser with the entrance's login, and the addresses that it opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browsing import SLOW
from live import Live

from lab.stack.addresses import filled

if TYPE_CHECKING:  # most tests need no browser, and do not wait for its library
    from playwright.sync_api import Browser, Page


@pytest.fixture
def page(browser: Browser, live: Live) -> Iterator[Page]:
    password = live.stack.environment["HOME_PASSWORD"]
    context = browser.new_context(
        ignore_https_errors=True,  # the lab's own authority; test_access.py checks it
        http_credentials={"username": "lab", "password": password, "origin": address(live, "Start page").rstrip("/")},
        viewport={"width": 1400, "height": 1000},
    )
    context.set_default_timeout(SLOW)
    opened = context.new_page()
    yield opened
    context.close()


def address(live: Live, name: str) -> str:
    return next(found.url for found in filled(live.stack.environment.values) if found.name == name)
