"""What takes long of a step's start and end, in threads of its own: fetching its files, publishing its logs.

The scheduler sends an errand off under the step's key, is woken when it is done, and takes the result. So a bucket
that does not answer, or a log of a gigabyte, holds up the one step, and neither its cluster's neighbours nor calls.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Key = tuple[str, str]  # of a step: its cluster's id and its own


class Errands(Generic[T]):
    """Errands of one kind, at most `threads` at a time. For one thread; `wake` is called by any."""

    def __init__(self, name: str, threads: int, wake: Callable[[], None]) -> None:
        self._pool = ThreadPoolExecutor(threads, f"emr-{name}")
        self._wake = wake
        self._under_way: dict[Key, Future[T]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._under_way

    def send(self, key: Key, action: Callable[..., T], *given: Any) -> None:
        """Do it as soon as a thread is free."""
        future = self._under_way[key] = self._pool.submit(action, *given)
        future.add_done_callback(lambda _: self._wake())

    def done(self) -> list[Key]:
        """Those whose result can be taken."""
        return [key for key, future in self._under_way.items() if future.done() and not future.cancelled()]

    def take(self, key: Key) -> T:
        """The result of one that is done, or its error. Another may be sent under that key then."""
        return self._under_way.pop(key).result()

    def close(self) -> None:
        """Wait for those that were begun; the others are not done any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
