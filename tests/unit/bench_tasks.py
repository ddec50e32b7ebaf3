"""Tasks for a process of its own, which imports this file and no more."""

from __future__ import annotations

from lakelab.errors import LabError


def hold(size: int) -> int:
    return len(bytearray(size))


def count(limit: int) -> int:
    return sum(1 for _ in range(limit))


def refuse() -> None:
    raise LabError("no", where="here", fix="do not")
