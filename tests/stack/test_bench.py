"""The benchmarks of real time on a few changes: they find what they wait for, and leave nothing of theirs behind.

The whole of it starts another Debezium and another entrance, and takes minutes: `make bench-live`.
"""

from __future__ import annotations

from live import Live

from bench.live import sustained
from bench.live.commits import ROW
from bench.live.queryable import queryable
from lab.embedded.postgres import OWNER
from lakelab.database import connected


def test_a_change_is_followed_into_hive(live: Live):
    section = queryable(live.stack, 2, lambda what: None)
    begun, written, seen, query = (float(row[2].replace(",", "")) for row in section.rows)
    assert 0 < begun <= written <= seen
    assert 0 < query <= seen
    with connected(live.stack.connecting(OWNER)) as session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.companies WHERE id = %s", (ROW,))
        assert cursor.fetchone() == (0,)


def test_changes_are_counted_at_every_station(live: Live):
    keys = sustained._keys(live.stack, 200)
    seconds = sustained._round(live.stack, keys, (sustained.OURS,))
    assert len(keys) == 200
    assert seconds.keys() == {sustained.ERP, sustained.KAFKA, sustained.LAKE, sustained.WAREHOUSE}
    assert seconds[sustained.KAFKA] <= max(seconds[sustained.LAKE], seconds[sustained.WAREHOUSE])
