"""Processes that share the work of a generator's run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from lakelab.errors import LabError

A = TypeVar("A")
B = TypeVar("B")


def _start_worker() -> None:
    """Ctrl-C is the main process's to handle; and a worker whose main process is gone must not stay behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is None:
        return

    def leave_with(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=leave_with, args=(parent.sentinel,), daemon=True).start()


class Workers:
    """Runs jobs here (one worker) or in processes, and gives the results in the order of the jobs."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        if self._count > 1:
            # Not fork: Polars has threads, and a forked copy of their locks may hang.
            self._pool = ProcessPoolExecutor(self._count, get_context("spawn"), _start_worker)
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, task: Callable[[A], B], jobs: Iterable[A]) -> Iterator[B]:
        """Results in order; few jobs are ahead of the slowest, so finished parts do not pile up on disk."""
        if self._pool is None:
            yield from map(task, jobs)
            return
        waiting: list[Future[B]] = []
        source = iter(jobs)
        try:
            while True:
                for job in islice(source, max(0, 2 * self._count - len(waiting))):
                    waiting.append(self._pool.submit(task, job))
                if not waiting:
                    return
                yield waiting.pop(0).result()
        except BrokenProcessPool as error:
            raise LabError(
                "a worker of the generator was killed", fix="run it with fewer workers, or close other programs"
            ) from error
