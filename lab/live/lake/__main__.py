"""Role `lake`: keeps the lake's tables as the ERP is. `python -m lab.live.lake`.

Everything that it has to know is in the metastore: after an error it begins again from there, as after a kill.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from confluent_kafka import KafkaException

from lab.live.lake import requests, tables
from lab.live.lake.consumer import Changes, Place, Poison, Taken
from lab.live.lake.erasing import erase
from lab.live.lake.files import MOST, Sweep
from lab.live.lake.metastore import HiveMetastore
from lab.live.lake.names import DATABASE
from lab.live.lake.table import Batch, Cache, LakeTable
from lab.stack import role
from lakelab.catalogue import TABLES
from lakelab.errors import LabError
from services.hadoop.commands.webhdfs import WebHdfs

STATE = Path("/tmp/lake")  # touched while changes are taken: the container's health check looks at its age
WRITERS = 8
CACHE = 24 * 2**20
IDLE = 1.0  # seconds to wait for changes before looking after what else there is
REPORT = 60.0
RETRY = 2.0
FOLLOWS = "the lake follows the ERP"
_SIZES = re.compile(r"[\d.]+( [KMGTPE]?B)?")


class Lake:
    """All tables, from one consumer. `step` is one batch."""

    def __init__(self, changes: Changes, metastore: HiveMetastore, hdfs: WebHdfs, executor: ThreadPoolExecutor) -> None:
        self._changes, self._hdfs, self._executor = changes, hdfs, executor
        self._sweep, cache = Sweep(hdfs), Cache(CACHE)
        self._tables = {t.name: LakeTable(t, metastore, hdfs, self._sweep, cache) for t in TABLES}
        self.unread: set[Place] = set()  # partitions of which nothing was heard since `open`

    def open(self) -> None:
        """Find out where to go on, and begin there. LabError."""
        topics = self._changes.topics()
        after: dict[Place, int] = {}
        for lake in self._tables.values():
            topic = lake.table.topic
            if lake.open(topics[topic]):
                print(f"{lake.table.name} begins anew: its topic is another one than it was", flush=True)
            after |= {(topic, number): offset for number, offset in lake.offsets.items()}
        self._changes.begin(after)
        self.unread = set(after)

    def step(self) -> Taken:
        """Take what comes within a second and make it visible; else see to what can wait."""
        taken = self._changes.take(IDLE)
        self._set_aside(taken.poison)
        batches = [
            (self._tables[name], self._tables[name].prepare(parts, self._executor))
            for name, parts in taken.changes.items()
        ]
        writing = [each for lake, batch in batches for each in lake.write(batch, self._executor)]
        for each in writing:
            each.result()
        for lake, batch in batches:
            lake.switch(batch)
            self._set_aside(_refused(lake, batch))
        self._changes.tell(taken.next)
        self.unread -= taken.next.keys()
        # Where changes come one after the other, the next ones wait for this: no more goes than has come.
        self._sweep.run(most=1 + sum(len(batch.places) for _, batch in batches) if taken.count else MOST)
        any(lake.compact(self._executor) for lake in self._tables.values())
        return taken

    def erase(self) -> None:
        """Do what was asked for by `lab lake erase`, once the ERP's deletions are applied."""
        for number in requests.asked():
            erased = erase(self._tables, self._hdfs, self._sweep, self._executor, number)
            if erased is not None:
                requests.answer(number, erased)
                print("a person was erased", flush=True)

    def _set_aside(self, messages: list[Poison]) -> None:
        """Keep what is no change in files beside the tables; the log has no word of it, which may be about a person."""
        for each in messages:
            content = {"reason": each.reason, "key": _text(each.key), "value": _text(each.value)}
            uri = f"{tables.FOLDER}/_dead/{each.place[0]}/{each.place[1]}-{each.offset}.json"
            self._hdfs.write(uri, json.dumps(content, ensure_ascii=False).encode())
            print(f"a message that is no change was set aside: {uri}", flush=True)


class Report:
    """A line now and then of what was done."""

    def __init__(self) -> None:
        self._began, self._count, self._slowest = time.monotonic(), 0, 0.0

    def add(self, taken: Taken) -> str:
        """Count a batch; the line, when it is time for one."""
        self._count += taken.count
        if taken.oldest is not None:
            self._slowest = max(self._slowest, time.time() - taken.oldest / 1000)
        past = time.monotonic() - self._began
        if past < REPORT:
            return ""
        line = f"{self._count:,} messages in {past:.0f} s" if self._count else ""
        if self._slowest:
            line += f"; the slowest change was visible {self._slowest:.1f} s after its commit"
        self._began, self._count, self._slowest = time.monotonic(), 0, 0.0
        return line


class Trouble:
    """What keeps changes from being taken, which may be for long: said once, and that it is over. kind: "" for none."""

    def __init__(self) -> None:
        self.kind = ""

    def begins(self, error: Exception) -> str:
        """The line to write; "" for what was said already: the same but for sizes and the file that it was about."""
        former = self.kind
        self.kind = _SIZES.sub("#", error.what if isinstance(error, LabError) else str(error)) or "error"
        return "" if self.kind == former else f"changes wait, begins again: {error}"

    def over(self) -> str:
        """The line to write when all goes on; "" where nothing was wrong."""
        former, self.kind = self.kind, ""
        return FOLLOWS if former else ""


def follow() -> str:
    """Keep the lake until stopped."""
    metastore = HiveMetastore(role.need("METASTORE_HOST"), 9083, DATABASE)
    report, trouble = Report(), Trouble()
    with ThreadPoolExecutor(WRITERS) as executor:
        while True:
            changes = Changes(role.need("KAFKA_BOOTSTRAP"))
            try:
                metastore.make_database("What the ERP is now and was, kept by its changes.", tables.FOLDER)
                lake = Lake(changes, metastore, WebHdfs(role.need("WEBHDFS")), executor)
                lake.open()
                if not trouble.kind:
                    print(FOLLOWS, flush=True)
                while True:
                    _print(report.add(lake.step()))
                    lake.erase()
                    if not lake.unread:
                        _print(trouble.over())
                    if not trouble.kind:
                        STATE.touch()
            except (LabError, OSError, KafkaException) as error:
                _print(trouble.begins(error))
                time.sleep(RETRY)
            finally:
                changes.close()
                metastore.close()


def _print(line: str) -> None:
    if line:
        print(line, flush=True)


def _refused(lake: LakeTable, batch: Batch) -> list[Poison]:
    return [
        Poison((lake.table.topic, number), change.offset, str(change.key).encode(), None, reason)
        for number, change, reason in batch.refused
    ]


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


if __name__ == "__main__":
    role.run(follow)
