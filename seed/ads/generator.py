"""Ad logs as a folder of hours, the same on every machine for the same seed number and size.

`impressions/arrived=2026-06-01-13/part-0000.json` has what arrived in that hour, most of it of that hour; `clicks/` is
alike; `truth.json` tells what the trends should find. Blocks of an hour are drawn in threads and written in order, so
neither the number of workers nor the size of the logs changes the bytes or the memory.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lakelab.errors import LabError
from seed.ads import market, truth
from seed.ads.draw import BLOCK, Block, Events, draw_block, taken
from seed.ads.lines import click_lines, hour_name, impression_lines
from seed.ads.market import Market, make_market
from seed.draws import apportion
from seed.workers import Workers
from seed.writer import TRUTH, new_folder

IMPRESSIONS, CLICKS = "impressions", "clicks"
MOST = 1_000_000_000
Progress = Callable[[int, int], None]  # impressions done, impressions in all
Job = tuple[int, int, int]  # hour, number of the first impression, impressions
Parts = list[tuple[str, int, bytes, int]]  # which log, hour of arrival, text, lines


def generate(
    out: Path,
    *,
    impressions: int,
    seed: int,
    days: int = 7,
    compress: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> Counter[str]:
    """Write logs of so many impressions, and of their clicks, to the folder `out`; gives the lines of each log.

    compress: files are gzipped, with a member for each block.  `out` appears whole, or stays as it was.
    LabError: numbers out of range, `out` not writable or holding other files, disk full.
    """
    _check(impressions, seed, days)
    of = make_market(seed)
    found = truth.Truth(days)
    with new_folder(out, {IMPRESSIONS, CLICKS, TRUTH}) as folder:
        with HourFiles(folder, compress) as files, Workers(workers) as pool:
            for block, parts in pool.run(partial(_make, of, seed, days), _jobs(impressions, days)):
                files.close_before(block.hour)
                for log, hour, text, lines in parts:
                    files.append(log, hour, text)
                    found.lines[log] += lines
                found.add(block)
                if progress:
                    progress(found.seen, impressions)
        facts = json.dumps({"seed": seed, **found.as_json(of)}, indent=1)
        (folder / TRUTH).write_text(f"{facts}\n", encoding="utf-8")
    return found.lines


def _check(impressions: int, seed: int, days: int) -> None:
    if not 1 <= impressions <= MOST:
        raise LabError(f"cannot generate {impressions} impressions", fix=f"ask for 1 to {MOST:,}")
    if seed < 0:
        raise LabError(f"the seed number {seed} is negative", fix="use 0 or more")
    if not 2 <= days <= 366:
        raise LabError(f"cannot generate logs of {days} days", fix="ask for 2 to 366")


def _jobs(impressions: int, days: int) -> Iterator[Job]:
    """The blocks of every hour, in order."""
    first = 0
    for hour, size in enumerate(apportion(impressions, market.VOLUME * days)):
        for start in range(0, size, BLOCK):
            yield hour, first + start, min(BLOCK, size - start)
        first += size


def _make(of: Market, seed: int, days: int, job: Job) -> tuple[Block, Parts]:
    hour, first, size = job
    block = draw_block(of, seed, hour, days, first, size)
    return block, [
        *_parts(IMPRESSIONS, block.impressions, impression_lines),
        *_parts(CLICKS, block.clicks, click_lines),
    ]


def _parts(log: str, events: Events, text: Callable[..., bytes]) -> Parts:
    """The events' lines by the hour of their file; in a file in the order of the events."""
    order = np.lexsort((events.time, events.arrived))
    hours, counts = np.unique(events.arrived, return_counts=True)
    lines = text(taken(events, order))
    ends = np.nonzero(np.frombuffer(lines, dtype=np.uint8) == ord("\n"))[0][np.cumsum(counts) - 1] + 1
    parts: Parts = []
    start = 0
    for hour, count, end in zip(hours.tolist(), counts.tolist(), ends.tolist(), strict=True):
        parts.append((log, hour, lines[start:end], count))
        start = end
    return parts


class HourFiles:
    """Files by log and hour of arrival, appended to in the order of the events. Nothing arrives before it happened:
    what is before the hour at hand is closed, so that few files are open whatever the number of days.
    """

    def __init__(self, folder: Path, compress: bool) -> None:
        self._folder, self._compress = folder, compress
        self._open: dict[tuple[str, int], BinaryIO] = {}

    def __enter__(self) -> HourFiles:
        return self

    def __exit__(self, *error: object) -> None:
        self._close(list(self._open))

    def append(self, log: str, hour: int, text: bytes) -> None:
        file = self._open.get((log, hour))
        if file is None:
            folder = self._folder / log / f"arrived={hour_name(hour)}"
            folder.mkdir(parents=True)
            file = self._open[log, hour] = (folder / f"part-0000.json{'.gz' if self._compress else ''}").open("wb")
        file.write(gzip.compress(text, 6, mtime=0) if self._compress else text)

    def close_before(self, hour: int) -> None:
        self._close([key for key in self._open if key[1] < hour])

    def _close(self, keys: list[tuple[str, int]]) -> None:
        for key in keys:
            self._open.pop(key).close()
