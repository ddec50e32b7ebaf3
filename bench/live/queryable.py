"""From a commit in the ERP to an answer of HiveServer2 that has the change, and where the time goes."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from bench.live.commits import ROW, TABLE, Row, own_row
from bench.live.figures import p50_p99, percentile
from bench.measure import Section, Tell
from lab.live.lake.names import DATABASE
from lab.stack.place import Stack
from lakelab.errors import LabError
from lakelab.hiveserver2 import HiveServer2

PATIENCE = 60.0
PAUSES = (0.05, 0.6)  # seconds: the lake may be in the middle of a batch, or not
SQL = f"SELECT employees, applied_at, input__file__name FROM {DATABASE}.{TABLE.name} WHERE id = {ROW}"
GOAL = 2.0


@dataclass(frozen=True)
class Sample:
    """Seconds after the commit. taken: the lake began with it.  written: its file was complete.  seen: answered.

    query: what the query that had it took by itself.
    """

    taken: float
    written: float
    seen: float
    query: float


def queryable(stack: Stack, commits: int, tell: Tell) -> Section:
    """p50 and p99 in milliseconds of the whole way and of its parts."""
    samples, chance = [], random.Random(5)
    with own_row(stack) as row, stack.warehouse(DATABASE) as hive:
        for _ in range(3):  # what is done once a session is not what is measured
            _sample(stack, hive, row)
        for number in range(commits):
            tell(f"commit {number + 1} of {commits}")
            time.sleep(chance.uniform(*PAUSES))
            samples.append(_sample(stack, hive, row))
    late = percentile([sample.seen for sample in samples], 99)
    about = (
        f"From the confirmed commit of one changed row of `{TABLE.name}` to the end of the first query of HiveServer2 "
        f"that has it, milliseconds, {commits} commits one after the other; a client asks again and again meanwhile, "
        f"as one that waits would. The goal is a p99 of {GOAL * 1000:,.0f} ms: {'met' if late <= GOAL else 'missed'}."
    )
    rows = (
        ("the lake has begun with it", *p50_p99([each.taken for each in samples])),
        ("its file is written", *p50_p99([each.written for each in samples])),
        ("a query of HiveServer2 has it", *p50_p99([each.seen for each in samples])),
        ("that query by itself", *p50_p99([each.query for each in samples])),
    )
    return Section("Commit to Hive", about, ("after the commit", "p50", "p99"), rows)


def _sample(stack: Stack, hive: HiveServer2, row: Row) -> Sample:
    committed, clock = row.change(), time.time()
    while True:
        asked = time.perf_counter()
        rows = hive.rows(SQL)
        answered = time.perf_counter()
        if rows and rows[0][0] == row.count:
            break
        if answered - committed > PATIENCE:
            raise LabError(f"a change did not come to Hive in {PATIENCE:.0f} s", fix="see `lab stack logs lake`")
    taken = rows[0][1].replace(tzinfo=UTC).timestamp() - clock
    return Sample(taken, _written(stack.hdfs.client, rows[0][2]) - clock, answered - committed, answered - asked)


def _written(client: Any, uri: str) -> float:
    """When a file was complete, in seconds since 1970, as the namenode has it."""
    path = "/" + uri.partition("://")[2].partition("/")[2]
    return float(client.status(path)["modificationTime"]) / 1000
