"""Random numbers that are the same on every machine.

Each (table, chunk) has a PCG64 stream of its own. Only the raw 64-bit words of the stream are used, turned into
numbers by integer arithmetic and by single IEEE additions and multiplications: numpy promises these words for
ever, but not the values of `Generator.normal` and the like.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_EVEN = np.uint64(0x0000FFFF0000FFFF)
_DIRECT = 2**16  # entries of a table for looking up a weighted choice, at most
# A sum of four uniform 16-bit numbers has this mean and standard deviation (Irwin-Hall distribution, n = 4).
_SUM_MEAN = 131070.0
_SUM_DEVIATION = 37837.22738


class Weights:
    """Integer weights of choices, none below 0. `ends`: their running sums; `total`: the last one."""

    def __init__(self, weights: Sequence[int]) -> None:
        self.ends: Ints = np.cumsum(np.asarray(weights, dtype=np.int64))
        self.total = int(self.ends[-1])
        # Values are looked up by their leading bits: no more than one running sum then lies between two entries.
        self._shift = 0 if self.total <= _DIRECT else max(0, min(weights).bit_length() - 1)
        self._guide: Ints | None = None
        if self.total >> self._shift <= _DIRECT:
            starts = np.arange((self.total >> self._shift) + 1, dtype=np.int64) << self._shift
            self._guide = np.searchsorted(self.ends, starts, side="right").astype(np.int64)

    def find(self, values: Ints) -> Ints:
        """For each value from 0 to total - 1, the choice whose share of the range it is in."""
        if self._guide is None:
            return np.searchsorted(self.ends, values, side="right").astype(np.int64)
        place: Ints = self._guide.take(values >> self._shift)
        if self._shift:
            place += self.ends.take(place) <= values
        return place


class Draws:
    """The stream of one chunk of one table. Values depend on the order of the calls, and on nothing else."""

    def __init__(self, seed: int, name: str, chunk: int = 0) -> None:
        sequence = np.random.SeedSequence([seed, zlib.crc32(name.encode()), chunk])
        self._bits = np.random.PCG64(sequence)

    def words(self, size: int) -> Words:
        """Raw 64-bit words."""
        return np.asarray(self._bits.random_raw(size), dtype=np.uint64)

    def below(self, limit: int | Ints, size: int) -> Ints:
        """Integers from 0 to limit - 1; limits under 2**32, one for all or one for each."""
        scaled = (self.words(size) >> _32) * np.asarray(limit, dtype=np.uint64)
        return (scaled >> _32).astype(np.int64)

    def unit(self, size: int) -> Floats:
        """Numbers from 0 up to, not including, 1."""
        return (self.words(size) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def halves(self, size: int) -> NDArray[np.uint32]:
        """32-bit integers, two from each word: enough for a yes or no, at half the cost."""
        words = self.words((size + 1) // 2)
        return np.concatenate([words.astype(np.uint32), (words >> _32).astype(np.uint32)])[:size]

    def gauss(self, size: int) -> Floats:
        """Bell-shaped numbers of mean 0 and deviation 1, within 3.5: sums of four uniform numbers."""
        words = self.words(size)
        pairs = (words & _EVEN) + ((words >> np.uint64(16)) & _EVEN)  # two sums in each word
        total = (pairs & _LOW) + (pairs >> _32)
        return (total.astype(np.float64) - _SUM_MEAN) / _SUM_DEVIATION

    def weighted(self, weights: Weights, size: int) -> Ints:
        """Indexes drawn with these weights."""
        return weights.find(self.below(weights.total, size))


def scattered(keys: Ints, salt: int) -> Words:
    """A fixed, well-mixed number for each key: the finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    z = keys.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to the weights that add up to the total (method of largest remainders)."""
    whole = sum(weights)
    counts = [total * w // whole for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts
