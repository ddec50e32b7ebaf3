"""Tests that would begin after CI's time are skipped, and no others."""

from __future__ import annotations

import time

import pytest
import time_limit
from time_limit import pytest_runtest_setup


def test_before_that_everything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TEST_UNTIL", str(time.time() + 3600))
    pytest_runtest_setup()


def test_without_a_limit_everything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_TEST_UNTIL", raising=False)
    pytest_runtest_setup()


def test_afterwards_nothing_begins_and_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TEST_UNTIL", str(time.time() - 1))
    monkeypatch.setattr(time_limit, "WITHIN_A_TEST", False)
    with pytest.raises(pytest.skip.Exception, match="make test-rest"):
        pytest_runtest_setup()


def test_a_test_that_has_begun_ends_with_the_tests_that_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TEST_UNTIL", str(time.time() - 1))
    monkeypatch.setattr(time_limit, "WITHIN_A_TEST", True)
    pytest_runtest_setup()
