"""Unload scripts: one SELECT with a marker where a range of pages is put."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lakelab.errors import LabError

MARKER = "/*slice*/"

# What may hold a semicolon or the marker without meaning it: comments, strings, quoted names, dollar quotes.
_OPAQUE = re.compile(
    r"""
      (?P<marker>/\*slice\*/)
    | --[^\n]*
    | /\*.*?\*/
    | \b[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Script:
    """A checked script, cut at the marker."""

    before: str
    after: str

    @classmethod
    def parse(cls, sql: str, table: str) -> Script:
        """LabError unless the script is a single SELECT with the marker exactly once."""
        where = f"unload_{table}.sql"
        bare = _OPAQUE.sub(_blank, sql)
        statements = [part for part in bare.split(";") if part.replace(MARKER, "").strip()]
        if len(statements) != 1 or not re.match(r"\s*(SELECT|WITH)\b", statements[0], re.IGNORECASE):
            raise LabError("the unload script is not a single SELECT", where=where, fix="keep one SELECT in it")
        if bare.count(MARKER) != 1:
            raise LabError(
                f"the unload script needs {MARKER} once", where=where,
                fix=f"write FROM public.{table} {MARKER}",
            )  # fmt: skip
        end = bare.find(";") if ";" in bare else len(bare)
        cut = bare.index(MARKER)
        if cut > end:
            raise LabError(f"{MARKER} stands after the SELECT", where=where, fix=f"write FROM public.{table} {MARKER}")
        return cls(sql[:cut], sql[cut + len(MARKER) : end])

    def slice(self, pages: tuple[int, int | None]) -> str:
        """The SELECT over the pages from the first to before the second; None means to the table's end."""
        start, end = pages
        condition = f"WHERE ctid >= '({start},0)'" + ("" if end is None else f" AND ctid < '({end},0)'")
        return f"{self.before}{condition}{self.after}"


def _blank(match: re.Match[str]) -> str:
    """Spaces of the same length, so that positions in the bare text are positions in the script."""
    return match.group() if match["marker"] else re.sub(r"[^\n]", " ", match.group())
