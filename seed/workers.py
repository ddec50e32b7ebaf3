"""Threads that share the work of a generator's run.

Threads and not processes: NumPy works outside Python's lock, nothing has to be copied between them, and a process
takes longer to start than it takes to draw tens of thousands of students.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Workers:
    """Runs jobs here (one worker) or in threads, and gives the results in the order of the jobs."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workers:
        if self._count > 1:
            self._pool = ThreadPoolExecutor(self._count)
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, task: Callable[[A], B], jobs: Iterable[A]) -> Iterator[B]:
        """Results in order; few jobs are ahead of the slowest, so finished parts do not pile up in memory. Jobs may
        come from another run: they are asked for here, not in the threads."""
        if self._pool is None:
            yield from map(task, jobs)
            return
        waiting: deque[Future[B]] = deque()
        source = iter(jobs)
        while True:
            for job in islice(source, self._count + 1 - len(waiting)):
                waiting.append(self._pool.submit(task, job))
            if not waiting:
                return
            yield waiting.popleft().result()
