"""How things are measured: alternating runs, medians of ratios, peak memory of a process and its children."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil

from lakelab.errors import LabError

T = TypeVar("T")
Tell = Callable[[str], None]
_SAMPLE = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True)
class Section:
    """One part's results, as a table of text."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Spent:
    """What a task took: its result, seconds, seconds of processor time in all its threads and ended child processes,
    and peak memory in bytes (its processes, without what they share)."""

    result: Any
    seconds: float
    cpu: float
    peak: int


def alternate(ways: Mapping[str, Callable[[], object]], rounds: int, tell: Tell) -> dict[str, list[float]]:
    """Seconds of each way in each round. One round runs every way once, so that a busy moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, run in ways.items():
            tell(f"round {number + 1} of {rounds}: {name}")
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(base: list[float], other: list[float]) -> float:
    """How many times as fast the other is: the median of the rounds' own ratios."""
    return statistics.median(b / o for b, o in zip(base, other, strict=True))


def in_process(task: Callable[..., T], *arguments: object, also: str = "") -> Spent:
    """Run a task in a fresh process, so that its memory is its own. LabError as the task raises it.

    also: processes that the task starts apart, and their children, count too when their command line has this in it.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, task, arguments))
    process.start()
    sender.close()
    with _peak_of(process.pid or 0, also) as peak:
        try:
            outcome, seconds, cpu = receiver.recv()
        except EOFError:
            raise LabError(f"the process of {task.__name__} died", fix="look for lack of memory") from None
        finally:
            process.join()
    if isinstance(outcome, LabError):
        raise outcome
    return Spent(outcome, seconds, cpu, peak[0])


def _work(sender: Any, task: Callable[..., object], arguments: tuple[object, ...]) -> None:
    start, cpu = time.perf_counter(), _processor_time()
    try:
        outcome: object = task(*arguments)
    except LabError as error:
        outcome = LabError(error.what, where=error.where, fix=error.fix)
    sender.send((outcome, time.perf_counter() - start, _processor_time() - cpu))


def _processor_time() -> float:
    return sum(os.times()[:4])


@contextlib.contextmanager
def _peak_of(pid: int, also: str) -> Iterator[list[int]]:
    """Samples the processes and their children until the block ends; the list's one number is the peak."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        pause = _SAMPLE
        while not done.wait(pause):
            start = time.perf_counter()
            peak[0] = max(peak[0], _memory(pid, also))
            pause = max(_SAMPLE, 20 * (time.perf_counter() - start))  # many processes take long to look at

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _memory(pid: int, also: str) -> int:
    total = 0
    for each in _family([pid, *(_having(also) if also else [])]):
        with contextlib.suppress(psutil.Error):
            total += each.memory_full_info().uss
    return total


def _family(pids: list[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            found |= {process, *process.children(recursive=True)}
    return found


def _having(text: str) -> Iterator[int]:
    """Processes with this text in the command line, but for this one."""
    for process in psutil.process_iter(["cmdline"]):
        if process.pid != os.getpid() and any(text in part for part in process.info["cmdline"] or ()):
            yield process.pid


def spread(values: list[float], form: str) -> str:
    """The median, and of several values that differ the least and the most."""
    low, high = format(min(values), form), format(max(values), form)
    return format(statistics.median(values), form) + (f" ({low} to {high})" if low != high else "")


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
