"""Fixtures that several kinds of tests share."""

import signal

from browsing import browser
from demo_lab import demo_lab, fresh_lab, own_lab, spare_lab
from durations import pytest_terminal_summary
from time_limit import pytest_runtest_setup

__all__ = [
    "browser",
    "demo_lab",
    "fresh_lab",
    "own_lab",
    "pytest_runtest_setup",
    "pytest_terminal_summary",
    "spare_lab",
]

# A shell has what it starts in the background ignore Ctrl-C, and all of its children with it: those of tests must not.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
