"""Polars, imported so that a Ctrl-C is still heard.

With its first import Polars sets a handler of SIGINT before Python's own, with SA_RESTART: the kernel then goes on with
whatever the main thread waits for, such as the end of a step, and Python learns of the Ctrl-C when that has ended.
https://docs.python.org/3/library/signal.html#signal.siginterrupt
"""

from __future__ import annotations

import signal

import polars

signal.siginterrupt(signal.SIGINT, True)

__all__ = ["polars"]
