"""Sleeps until something happens: a request woke us, or the process of a watched step ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from pathlib import Path

from services.aws.emr.executor import Executor

_POLL_SECONDS = 0.2  # only where the executor cannot tell by itself that a step ended
# A machine that goes away tells nobody, and what it could not be asked then must be asked again.
_REMOTE_POLL_SECONDS = 1.0


class Watcher:
    """For one thread; `wake` may be called by any."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = os.pipe()
        for end in (self._woken, self._waker):
            os.set_blocking(end, False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._watched: dict[Path, int | None] = {}

    def add(self, folder: Path) -> None:
        """Watch a step; again is harmless. Poll it afterwards: one that ended before cannot be watched."""
        if folder in self._watched:
            return
        descriptor = self._executor.watch(folder)
        self._watched[folder] = descriptor
        if descriptor is not None:
            self._selector.register(descriptor, selectors.EVENT_READ)

    def remove(self, folder: Path) -> None:
        descriptor = self._watched.pop(folder, None)
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def wake(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):  # a full pipe: it is awake already
            if self._waker >= 0:
                os.write(self._waker, b"+")

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until woken, a step ended, or the time is over."""
        if self._watched:
            blind = None in self._watched.values()
            longest = _POLL_SECONDS if blind else _REMOTE_POLL_SECONDS if self._executor.remote else None
            seconds = min((limit for limit in (longest, seconds) if limit is not None), default=None)
        for key, _ in self._selector.select(seconds):
            if key.fd != self._woken:
                self._told(key.fd)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._woken, 4096):
                pass

    def _told(self, descriptor: int) -> None:
        """It has said what it can say; should the step go on to be seen as running, it is polled from now on."""
        folder = next(folder for folder, known in self._watched.items() if known == descriptor)
        self.remove(folder)
        self._watched[folder] = None

    def close(self) -> None:
        for folder in list(self._watched):
            self.remove(folder)
        self._selector.close()
        with self._lock:
            os.close(self._woken)
            os.close(self._waker)
            self._waker = -1
