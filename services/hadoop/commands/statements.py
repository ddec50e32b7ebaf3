"""A Hive script as its statements: what stands between semicolons, outside of quotes and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What a semicolon may be hidden in; a quote that is never closed runs to the end, and the server tells of it.
_PIECE = re.compile(
    r"""
      '(?:[^'\\]|\\.)*(?:'|\Z)      # strings: a backslash escapes
    | "(?:[^"\\]|\\.)*(?:"|\Z)
    | `[^`]*(?:`|\Z)                # names
    | (?P<comment>--[^\n]*|/\*(?!\+).*?(?:\*/|\Z))  # but not a hint: /*+ … */
    | (?P<end>;)
    | [^'"`;/-]+ | [/-]             # anything else
    """,
    re.VERBOSE | re.DOTALL,
)


def statements(script: str) -> Iterator[str]:
    """The statements in order, without comments around or in them and without empty ones."""
    parts: list[str] = []
    for piece in _PIECE.finditer(script):
        if piece["end"]:
            yield from _stated(parts)
            parts = []
        else:
            parts.append(" " if piece["comment"] else piece[0])
    yield from _stated(parts)


def _stated(parts: list[str]) -> Iterator[str]:
    statement = "".join(parts).strip()
    if statement:
        yield statement
