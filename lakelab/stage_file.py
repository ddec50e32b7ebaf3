"""Reading a file of the stage or of the presentation: CSV in UTF-8 without a header, one record after another.

The text of a record is its fields joined by the character 31 (unit separator), which no field holds.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from typing import BinaryIO

SEPARATOR = "\x1f"
_BLOCK = 1 << 20  # bytes read at once


def record_texts(stream: BinaryIO) -> Iterator[bytes]:
    """The text of each record, in flat memory. A block without a quote needs no CSV reader, which is most of them."""
    comma, separator = b",", SEPARATOR.encode()
    for block in blocks(stream):
        if b'"' not in block:
            yield from block.removesuffix(b"\n").replace(comma, separator).split(b"\n")
            continue
        lines = iter(io.BytesIO(block))
        for line in lines:
            if b'"' in line:
                yield _quoted_record(line, itertools.chain(lines, stream))
            else:
                yield line.removesuffix(b"\n").replace(comma, separator)


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The stream in pieces of about a megabyte, each ending with a whole line."""
    while block := stream.read(_BLOCK) + stream.readline():
        yield block


def _quoted_record(line: bytes, more: Iterator[bytes]) -> bytes:
    """A record with quotes, which may go on over further lines."""
    texts = (each.decode("utf-8", "surrogateescape") for each in itertools.chain([line], more))
    fields = next(csv.reader(texts), [])
    return SEPARATOR.join(fields).encode("utf-8", "surrogateescape")
