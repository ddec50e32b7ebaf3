"""Reads the records of a CSV file whose quoting, encoding and line lengths cannot be trusted.

Every byte of the file ends up either in a row of fields or in a refusal with its line number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from lakelab.frames import polars as pl

BLOCK = 1 << 21  # bytes read at a time
MOST_LINES = 200  # of one record: a quote that stays open longer is taken for a mistake on its first line
LINE, RAW = "#line", "#raw"  # columns beside the fields: first physical line, and the record as it stood

# A field of RFC 4180: quoted, with doubled quotes inside, or plain without any quote.
_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|\Z)', re.DOTALL)


@dataclass(frozen=True)
class Refusal:
    """A record that is not taken: its first physical line, why, and the record as it stood."""

    line: int
    reason: str
    record: str


@dataclass
class Batch:
    """Rows with the right number of fields (all text, NULL where empty and unquoted), and refusals."""

    rows: pl.DataFrame
    refusals: list[Refusal] = field(default_factory=list)


def split_record(record: str) -> list[str | None] | None:
    """The fields of a record, None for an empty unquoted one; None in all where the quoting is broken."""
    fields: list[str | None] = []
    at = 0
    while True:
        match = _FIELD.match(record, at)
        if match is None:
            return None
        quoted, plain, end = match.groups()
        fields.append(quoted.replace('""', '"') if quoted is not None else plain or None)
        if not end:
            return fields
        at = match.end()


def shown(raw: bytes) -> str:
    """The record as text; bytes that are not UTF-8 as \\xNN."""
    return raw.decode("utf-8", "backslashreplace").rstrip("\r\n")


class Reader:
    """The records after the header line. `position`: bytes read so far."""

    def __init__(self, path: Path, columns: Sequence[str], header_lines: int, header_bytes: int) -> None:
        self.path, self.columns = path, list(columns)
        self.position = header_bytes
        self._line = header_lines + 1
        self._frame_columns = {LINE: pl.Int64, RAW: pl.String} | dict.fromkeys(self.columns, pl.String)

    def __iter__(self) -> Iterator[Batch]:
        with self.path.open("rb") as file:
            file.seek(self.position)
            while block := file.read(BLOCK):
                block += file.readline()
                batch = self._plain(block) or self._quoted(BytesIO(block).readlines(), file)
                self.position = file.tell()
                yield batch

    def _plain(self, block: bytes) -> Batch | None:
        """The quick way, for a block without a quote: None where there is one, or where it is not UTF-8."""
        if b'"' in block or b"\r" in block.replace(b"\r\n", b""):
            return None
        try:
            lines = block.decode().replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError:
            return None
        if not lines[-1]:
            lines.pop()
        numbers = range(self._line, self._line + len(lines))
        self._line += len(lines)
        width = len(self.columns)
        rows = pl.DataFrame({LINE: numbers, RAW: lines}, schema={LINE: pl.Int64, RAW: pl.String}).filter(
            pl.col(RAW) != ""
        )
        right = pl.col(RAW).str.count_matches(",", literal=True) == width - 1
        wrong = rows.filter(~right)
        fields = pl.col(RAW).str.split_exact(",", width - 1).struct.rename_fields(self.columns).alias("fields")
        rows = rows.filter(right).with_columns(fields).unnest("fields")
        rows = rows.with_columns(pl.when(pl.col(c) != "").then(pl.col(c)).alias(c) for c in self.columns)
        return Batch(rows, [Refusal(n, self._width_reason(), raw) for n, raw in wrong.iter_rows()])

    def _width_reason(self) -> str:
        return f"not {len(self.columns)} fields"

    def _quoted(self, lines: list[bytes], file: BinaryIO) -> Batch:
        """Record by record; reads on in `file` where the last record is not complete."""
        found: list[tuple[object, ...]] = []
        refusals: list[Refusal] = []
        at = 0
        while at < len(lines):
            size = self._record_size(lines, at, file)
            raw = b"".join(lines[at : at + max(1, size)])
            outcome = self._fields(raw) if size else "a quote is opened and never closed"
            if isinstance(outcome, str):
                # Broken quoting says nothing about the lines after the first: they are read again on their own.
                if outcome != self._width_reason():
                    size, raw = 1, lines[at]
                refusals.append(Refusal(self._line, outcome, shown(raw)))
            elif outcome is not None:
                found.append((self._line, shown(raw), *outcome))
            self._line += size
            at += size
        return Batch(pl.DataFrame(found, schema=self._frame_columns, orient="row"), refusals)

    def _record_size(self, lines: list[bytes], at: int, file: BinaryIO) -> int:
        """Lines of the record that begins at this one; 0 where its last quote is never closed."""
        quotes = lines[at].count(b'"')
        size = 1
        while quotes % 2:
            if at + size == len(lines):
                more = file.readline()
                if not more:
                    return 0
                lines.append(more)
            if size == MOST_LINES:
                return 0
            quotes += lines[at + size].count(b'"')
            size += 1
        return size

    def _fields(self, raw: bytes) -> list[str | None] | str | None:
        """The fields, or the reason for refusing the record; None for an empty line."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return "not UTF-8"
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            return None
        fields = split_record(text)
        if fields is None:
            return "broken quoting"
        return fields if len(fields) == len(self.columns) else self._width_reason()
