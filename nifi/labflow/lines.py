"""JSON lines: one object a line, the same text for the same object, whoever writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

Record = dict[str, Any]


def dump(record: Record) -> str:
    """One line without its end. Keys stay in their order: what a flow routes by comes first."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def pack(records: Iterable[Record]) -> bytes:
    """Lines of these objects; a text that is no Unicode (half a surrogate pair) is kept, written out."""
    text = "".join(dump(record) + "\n" for record in records)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return "".join(
            json.dumps(json.loads(line), separators=(",", ":")) + "\n" for line in text.splitlines()
        ).encode()


def unpack(content: bytes) -> Iterator[Record]:
    """The objects of such lines."""
    return (json.loads(line) for line in content.split(b"\n") if line)
