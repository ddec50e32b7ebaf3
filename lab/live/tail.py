"""`lab kafka tail`: the last messages of a topic, as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kafka import TopicPartition
from rich.console import Console

from lab.live.kafka import between, consumer
from lakelab.catalogue import TABLES
from lakelab.errors import LabError

WIDTH = 160  # characters of a value


def tail(bootstrap: str, console: Console, name: str, count: int, *, follow: bool, key: str | None, raw: bool) -> None:
    """Print the last `count` messages of a topic, and with `follow` those that come. LabError: there is no such topic.

    With `key`: the last `count` messages of that key; the whole topic is read for it.
    """
    topic = next((table.topic for table in TABLES if table.name == name), name)
    with consumer(bootstrap, max_poll_records=2000) as client:
        for record in last(client, topic, count, key):
            _print(console, record, raw)
        while follow:
            for records in client.poll(timeout_ms=500).values():
                for record in records:
                    if key is None or shown_key(record) == key:
                        _print(console, record, raw)


def last(client: Any, topic: str, count: int, key: str | None = None) -> list[Any]:
    """The last messages of a topic, the oldest first; the consumer stands at its end then. LabError: no such topic."""
    numbers = client.partitions_for_topic(topic)
    if not numbers:
        raise LabError(f"no topic {topic}", fix="`lab kafka topics` lists what there is")
    places = [TopicPartition(topic, number) for number in sorted(numbers)]
    client.assign(places)
    ends = client.end_offsets(places)
    back = None if key is not None else count
    found = [record for record in _until(client, places, ends, back) if key is None or shown_key(record) == key]
    return sorted(found, key=lambda record: (record.timestamp, record.partition, record.offset))[-count:]


def _until(
    client: Any, places: list[TopicPartition], ends: dict[TopicPartition, int], back: int | None
) -> Iterator[Any]:
    """The messages up to the given ends: the last `back` of each partition, or all of them.

    The marks of transactions take offsets, so there may be fewer in a stretch: it is doubled until there are enough.
    """
    begins = client.beginning_offsets(places)
    for place in places:
        stretch = back if back is not None else ends[place]
        while True:
            start = max(begins[place], ends[place] - stretch)
            found = between(client, place, start, ends[place])
            if back is None or len(found) >= back or start == begins[place]:
                break
            stretch *= 2
        yield from found[-back:] if back is not None else found
    client.resume(*places)


def shown_key(record: Any) -> str:
    """A key as it is shown: `{"id": 5}` as 5."""
    if record.key is None:
        return ""
    text = record.key.decode(errors="replace")
    try:
        key = json.loads(text)
    except ValueError:
        return str(text)
    return "/".join(str(part) for part in key.values()) if isinstance(key, dict) else str(key)


def _print(console: Console, record: Any, raw: bool) -> None:
    if raw:
        console.print(json.dumps(whole(record), ensure_ascii=False), highlight=False, markup=False, soft_wrap=True)
        return
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    line = f"{at}  {record.partition}:{record.offset:<8} {shown_key(record):12} {summary(record.value)}"
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def whole(record: Any) -> dict[str, Any]:
    """A message with everything that came with it."""
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": _decoded(record.key),
        "value": _decoded(record.value),
    }


def _decoded(data: bytes | None) -> Any:
    if data is None:
        return None
    text = data.decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def summary(value: bytes | None) -> str:
    """A value in one line: of a change what it did, of an update the columns that differ."""
    if value is None:
        return "tombstone"
    decoded = _decoded(value)
    text = _change(decoded) if isinstance(decoded, dict) and {"op", "source"} <= set(decoded) else _text(decoded)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"


def _change(change: dict[str, Any]) -> str:
    before, after = change.get("before") or {}, change.get("after") or {}
    if change["op"] == "u" and before:
        differing = [name for name in after if after[name] != before.get(name)]
        return "updated  " + ", ".join(
            f"{name}: {_text(before.get(name))} → {_text(after[name])}" for name in differing
        )
    words = {"c": "created", "u": "updated", "d": "deleted", "r": "read"}
    return f"{words.get(change['op'], change['op']):8} {_text(after or before)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
