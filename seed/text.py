"""CSV text of the large tables, made column by column: a Python loop or a data frame would take several times as long.

A block of rows is a matrix of bytes: each field has its columns, where it is copied from a table of ready texts by
index and is padded with NUL bytes. Taking the NULs out gives the rows. Blocks are small enough for the processor's
cache, so memory does not grow with the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seed.draws import Ints

Bytes = NDArray[np.uint8]
Lines = list[bytearray]  # CSV text in successive parts, each of whole lines

BLOCK = 8192  # rows made at once: about 300 kB
_SPECIAL = set(',"\r\n')
_GROUP = 10_000  # numbers are written four digits at a time
_PADDED = np.array([f"{n:04d}".encode() for n in range(_GROUP)], dtype="S4").view("<u4")
_PLAIN = np.array([str(n).encode() for n in range(_GROUP)], dtype="S4").view("<u4")
_HIGH = np.where(np.arange(_GROUP) > 0, _PLAIN, 0).astype("<u4")  # nothing for 0
_LOW = np.concatenate([_PLAIN, _PADDED])  # with leading zeros where there is a higher group


class Texts:
    """Texts to choose from, padded to one width, in pieces of 1, 2, 4 or 8 bytes that can be copied like numbers."""

    def __init__(self, texts: Bytes) -> None:
        """texts: [text, byte], padded with NULs."""
        count, used = texts.shape
        rest = used % 8
        self.width: int = used - rest + (0, 1, 2, 4, 4, 8, 8, 8)[rest]
        padded = np.zeros((count, self.width), dtype=np.uint8)
        padded[:, :used] = texts
        sizes = [8] * (self.width // 8) + ([self.width % 8] if self.width % 8 else [])
        starts = [8 * place for place in range(len(sizes))]
        self.pieces: list[tuple[int, NDArray[Any]]] = [
            (start, np.ascontiguousarray(padded[:, start : start + size]).view(f"<u{size}")[:, 0])
            for start, size in zip(starts, sizes, strict=True)
        ]


class Field(Protocol):
    """Text of one column, or of a part of it, for every row of a table."""

    @property
    def width(self) -> int: ...

    def put(self, block: Bytes, start: int, rows: slice) -> None:
        """Writes the texts of these rows into the block, from column `start` on."""


def _column(block: Bytes, start: int, kind: Any) -> NDArray[Any]:
    """Some neighbouring bytes of each row, as one number."""
    return np.ndarray((len(block),), kind, buffer=block, offset=start, strides=block.strides[:1])


@dataclass(frozen=True)
class Picked:
    """For each row the text at its index, -1 being the last one. Without indexes, row i has text i."""

    texts: Texts
    at: NDArray[Any] | None = None

    @property
    def width(self) -> int:
        return self.texts.width

    def put(self, block: Bytes, start: int, rows: slice) -> None:
        at = rows if self.at is None else self.at[rows].astype(np.intp, copy=False)
        for offset, piece in self.texts.pieces:
            _column(block, start + offset, piece.dtype)[:] = piece[at] if isinstance(at, slice) else piece.take(at)


@dataclass(frozen=True)
class Numbered:
    """Successive numbers, from `first` (0 or more) on."""

    first: int

    @property
    def width(self) -> int:
        return 12

    def put(self, block: Bytes, start: int, rows: slice) -> None:
        high, low = _column(block, start, "<u8"), _column(block, start + 8, "<u4")
        done, number = 0, self.first + rows.start
        while done < len(block):
            group, inside = divmod(number, _GROUP)
            size = min(_GROUP - inside, len(block) - done)
            high[done : done + size] = np.frombuffer(str(group or "").encode().ljust(8, b"\0"), "<u8")[0]
            low[done : done + size] = (_PADDED if group else _PLAIN)[inside : inside + size]
            done, number = done + size, number + size


def as_lines(rows: int, fields: Sequence[Field]) -> Lines:
    """The lines of so many rows, in blocks. The fields stand side by side: commas are theirs to bring."""
    width = sum(field.width for field in fields) + 1
    buffer = bytearray(min(rows, BLOCK) * width)
    lines: Lines = []
    for first in range(0, rows, BLOCK):
        size = min(BLOCK, rows - first)
        if size < BLOCK:
            buffer = bytearray(size * width)
        block = np.frombuffer(buffer, dtype=np.uint8).reshape(size, width)
        start = 0
        for field in fields:
            field.put(block, start, slice(first, first + size))
            start += field.width
        block[:, -1] = ord("\n")
        lines.append(buffer.translate(None, b"\0"))
    return lines


@lru_cache(maxsize=64)
def words(pool: tuple[str, ...], before: str = ",", none: str = ",") -> Texts:
    """The words of a pool, each after `before`; index -1 stands for NULL and gives `none`."""
    return texts_of([*(before + _quoted(word) for word in pool), none])


def _quoted(word: str) -> str:
    """The word as CSV has it."""
    return '"' + word.replace('"', '""') + '"' if _SPECIAL & set(word) else word


def texts_of(texts: Iterable[str]) -> Texts:
    """Texts as they are, commas included."""
    table = np.array([text.encode() for text in texts], dtype=np.bytes_)
    return Texts(table.view(np.uint8).reshape(len(table), table.itemsize))


def numbers(values: Ints, before: str = ",", none: str = ",") -> Texts:
    """Numbers from 0 to 99,999,999, each after `before`; index -1 stands for NULL and gives `none`."""
    group = values // _GROUP
    inside = values - group * _GROUP
    top = int(group.max(initial=0))
    start = max(len(before), len(none))
    middle = start + (len(str(top)) if top else 0)
    table = np.zeros((len(values) + 1, max(middle, start + 4) + 4), dtype=np.uint8)
    table[:-1, : len(before)] = np.frombuffer(before.encode(), dtype=np.uint8)
    if top:
        _column(table, start, "<u4")[:-1] = _HIGH.take(group)
    _column(table, middle, "<u4")[:-1] = _LOW.take(inside + _GROUP * (group > 0))
    table[-1, : len(none)] = np.frombuffer(none.encode(), dtype=np.uint8)
    return Texts(table[:, : middle + 4])


def days(first: int, count: int) -> Texts:
    """Successive days, counted from 1970-01-01, each as a date after a comma; index -1 stands for NULL."""
    # Straight to bytes: NumPy's way from text to bytes swallows the KeyboardInterrupt of a Ctrl-C that falls into it.
    dates = np.arange(first, first + count).astype("datetime64[D]").astype("S10")
    table = np.zeros((count + 1, 1 + dates.itemsize), dtype=np.uint8)
    table[:, 0] = ord(",")
    table[:-1, 1:] = dates.view(np.uint8).reshape(count, dates.itemsize)
    return Texts(table)
