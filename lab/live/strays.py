"""Columns that changes have and the ERP has not any more: added, used and dropped before anybody looked.

The JDBC sink fails at a column that its table lacks, at every start again, and the ERP tells nothing of the column. So
the messages are asked that the sink has to take next.
"""

from __future__ import annotations

import json
from typing import Any

from kafka import TopicPartition

from lab.live.kafka import admin, consumer
from lab.live.warehouse import Columns, read_columns, run
from lakelab.catalogue import TABLES
from lakelab.database import Connect

SINK = "warehouse-sink"
GROUP = f"connect-{SINK}"
MOST = 2000  # messages of a partition that are looked at: the sink takes 1,000 at a time
SECONDS = 15
_TABLES = {table.topic: table.name for table in TABLES}


def follow_messages(bootstrap: str, warehouse: Connect) -> list[str]:
    """Give the warehouse the columns of what the sink takes next; returns what was done, in words. LabError.

    Columns that the ERP has are made before, with their types (lab/live/warehouse.py). These are texts, into which
    Postgres puts any value.
    """
    statements = additions(sent(bootstrap), read_columns(warehouse))
    run(warehouse, statements)
    return [f"{statement}: changes have it, and the ERP has not any more" for statement in statements]


def additions(found: dict[str, set[str]], present: Columns) -> list[str]:
    """The statements that make of each table the columns that it lacks."""
    return [
        f'ALTER TABLE public."{table}" ADD COLUMN {_quoted(column)} text'
        for table, columns in sorted(found.items())
        for column in sorted(columns - present.get(table, {}).keys())
        if table in present
    ]


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def sent(bootstrap: str) -> dict[str, set[str]]:
    """The columns of the messages that the sink takes next, by table."""
    found: dict[str, set[str]] = {}
    with admin(bootstrap) as client:
        committed = client.list_group_offsets({GROUP: None}).get(GROUP, {})
    with consumer(bootstrap, max_poll_records=500) as client:
        for place, at in committed.items():
            if place.topic in _TABLES:
                for value in _values(client, place, at.offset):
                    found.setdefault(_TABLES[place.topic], set()).update(columns_of(value))
    return found


def columns_of(value: bytes | None) -> set[str]:
    """The columns of a change's row; none of a message that is no change."""
    try:
        change = json.loads(value or b"null")
        return set(change["after"] or ())
    except (ValueError, KeyError, TypeError):
        return set()


def _values(client: Any, place: TopicPartition, offset: int) -> list[bytes | None]:
    client.assign([place])
    end = client.end_offsets([place])[place]
    client.seek(place, offset)
    found: list[bytes | None] = []
    for _ in range(SECONDS):
        if client.position(place) >= end or len(found) >= MOST:
            break
        found += [record.value for record in client.poll(timeout_ms=1000).get(place, [])]
    return found
