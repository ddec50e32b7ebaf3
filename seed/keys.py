"""Sets of keys that grow batch by batch, for uniqueness and foreign keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from lakelab.frames import polars as pl
from seed.draws import Bools, Ints


class Keys(Protocol):
    """Keys met so far."""

    def add(self, values: pl.Series) -> None: ...
    def holds(self, values: pl.Series) -> Bools: ...


class NumberKeys:
    """Whole numbers, eight bytes each: sorted runs of growing size, merged like those of a log-structured tree."""

    def __init__(self) -> None:
        self._runs: list[Ints] = []

    def add(self, values: pl.Series) -> None:
        run: Ints = np.sort(values.to_numpy())
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)

    def holds(self, values: pl.Series) -> Bools:
        """For each value: is it among the keys?"""
        wanted: Ints = values.to_numpy()
        found = np.zeros(len(wanted), dtype=np.bool_)
        for run in self._runs:
            if len(run):
                place = np.minimum(np.searchsorted(run, wanted), len(run) - 1)
                found |= run[place] == wanted
        return found


class TextKeys:
    """Texts, in a set."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._known = set(values)

    def add(self, values: pl.Series) -> None:
        self._known.update(values.to_list())

    def holds(self, values: pl.Series) -> Bools:
        """For each value: is it among the keys?"""
        return np.fromiter((v in self._known for v in values.to_list()), dtype=np.bool_, count=len(values))


def new_keys(values: pl.Series) -> Keys:
    """An empty set of the right sort for such values."""
    return NumberKeys() if values.dtype.is_integer() else TextKeys()
