"""A batch of Kafka messages of one partition as a flow file: a JSON line each, and attributes that tell what is in it.

Nothing of a message is lost: texts are kept as they are, what is no UTF-8 in Base64.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labflow.lines import Record, pack


@dataclass(frozen=True)
class Message:
    """A message as Kafka has it. timestamp: milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def batches(found: Iterable[Message]) -> list[list[Message]]:
    """Messages by partition, in the order of their offsets, each once: where partitions went and came back while they
    were read, Kafka sent some of them again."""
    once = {(message.topic, message.partition, message.offset): message for message in found}
    in_order = [once[place] for place in sorted(once)]
    return [list(batch) for _, batch in itertools.groupby(in_order, key=lambda m: (m.topic, m.partition))]


def content(messages: Sequence[Message]) -> bytes:
    """The lines of a batch."""
    return pack(_record(message) for message in messages)


def _record(message: Message) -> Record:
    record: Record = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": message.timestamp,
    }
    for name, data in (("key", message.key), ("value", message.value)):
        try:
            record[name] = None if data is None else data.decode()
        except UnicodeDecodeError:
            record[f"{name}_base64"] = base64.b64encode(data or b"").decode()
    return record


def attributes(messages: Sequence[Message]) -> dict[str, str]:
    """What the flow file says of itself. It is named by its first offset: read again, it takes the same place."""
    first, last = messages[0], messages[-1]
    return {
        "filename": f"{first.topic}-{first.partition}-{first.offset:012d}.jsonl",
        "mime.type": "application/x-ndjson",
        "kafka.topic": first.topic,
        "kafka.partition": str(first.partition),
        "kafka.offset.first": str(first.offset),
        "kafka.offset.last": str(last.offset),
        "record.count": str(len(messages)),
        "keys": key_list(_key(message.key) for message in messages),
    }


def _key(data: bytes | None) -> object:
    """The value of a key of one column, or the key as it is."""
    try:
        key = json.loads(data or b"null")
    except ValueError:
        return None
    return next(iter(key.values())) if isinstance(key, dict) and len(key) == 1 else key


def key_list(keys: Iterable[object]) -> str:
    """Keys between spaces, each once, so that a search for `* 822491 *` finds the file that has this row."""
    texts = (str(key) for key in keys if key is not None)
    return f" {' '.join(dict.fromkeys(texts))} "
