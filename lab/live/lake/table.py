"""One table of the lake: takes changes and makes them visible, all of a batch at once.

What is visible, and up to which offset of Kafka, is one entry in the metastore: the folders of the buckets, with
`lake.offset` beside each. So after a kill at any moment the entry tells where to go on, and what was written beyond it
belongs to nobody. Files of changes are the exception, they are seen as soon as they are written: their names tell which
offsets they have, and those beyond the entry are deleted before anything else is done.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lab.live.lake import files as parquet
from lab.live.lake import tables
from lab.live.lake.files import NAME, Files, Sweep
from lab.live.lake.metastore import Metastore, Partition
from lakelab.catalogue import Table
from lakelab.changes import DELETED, READ, Change, Key, PoisonousMessageError, Version, apply
from lakelab.frames import polars

OFFSET, AT, TOPIC = "lake.offset", "lake.at", "lake.topic"
NONE = -1  # the offset of a bucket that nothing was written into
MANY = 64  # files of one day, after which they are made one
_FILE = re.compile(r"(\d+)-(\d+)-(\d+)\.parquet$")  # partition of the topic, first and last offset


@dataclass
class Bucket:
    """A bucket as it is visible: its folder, the last offset in it, and the id of the topic that counts so."""

    location: str
    offset: int
    topic: str


@dataclass
class Batch:
    """Changes on their way, by bucket: rows, last offset, folder; then versions, and what cannot be applied."""

    frames: dict[int, polars.DataFrame] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    refused: list[tuple[int, Change, str]] = field(default_factory=list)


class LakeTable:
    """A table, its writer. There is one writer only: what it knows of the metastore is what is there."""

    def __init__(self, table: Table, metastore: Metastore, files: Files, sweep: Sweep, cache: Cache) -> None:
        self.table = table
        self._metastore, self._files, self._sweep, self._cache = metastore, files, sweep, cache
        self._schema = tables.schema(tables.columns(table))
        self._change_schema = tables.schema(tables.change_columns(table))
        self._topic = ""
        self._buckets: dict[int, Bucket] = {}
        self._days: dict[str, str] = {}  # day → folder
        self._count: dict[str, int] = {}  # files of the day

    @property
    def offsets(self) -> dict[int, int]:
        """The last offset that is visible of each partition of the topic, NONE where there is none."""
        return {
            number: max(self._buckets[each].offset for each in tables.buckets(number))
            for number in range(tables.partitions(self.table))
        }

    def open(self, topic: str) -> bool:
        """Make what is missing, see what is visible, and clear away what a killed writer left. LabError.

        topic: its id. Where what is visible came out of another one, rows and versions begin anew; returns that.
        """
        self._topic = topic
        for definition in (tables.current(self.table), tables.changes(self.table), tables.history(self.table)):
            self._metastore.ensure(definition)
        self._buckets = {int(p.value): _bucket(p) for p in self._partitions().values()}
        self._days = {p.value: p.location for p in self._metastore.partitions(f"{self.table.name}_changes").values()}
        anew = any(found.offset != NONE and found.topic != topic for found in self._buckets.values())
        if anew:
            self._begin_anew()
        self._clear()
        return anew

    def _partitions(self) -> dict[str, Partition]:
        """Buckets as the metastore has them, made at first: nothing is in their folders until one takes their place."""
        name, folder = self.table.name, tables.folder(self.table, "current")
        found = self._metastore.partitions(name)
        wanted = [str(each) for n in range(tables.partitions(self.table)) for each in tables.buckets(n)]
        missing = [
            Partition(value, f"{folder}/{value}/empty", {OFFSET: str(NONE)}) for value in wanted if value not in found
        ]
        if missing:
            self._metastore.add(name, missing)
            found = self._metastore.partitions(name)
        return found

    def _clear(self) -> None:
        """Delete files of changes that are not visible yet in the table, and sweep folders that are in no entry."""
        visible, self._count = self.offsets, dict.fromkeys(self._days, 0)
        used = {bucket.location for bucket in self._buckets.values()} | set(self._days.values())
        idle = set()
        for stored in self._files.list(tables.folder(self.table)):
            folder, _, name = stored.uri.rpartition("/")
            matched = _FILE.search(name)
            if folder not in used:
                idle.add(folder)
            elif matched and int(matched[3]) > visible[int(matched[1])]:
                self._files.delete(stored.uri)
            elif matched:
                self._count[next(day for day, at in self._days.items() if at == folder)] += 1
        self._sweep.later(sorted(idle))

    def prepare(self, changes: Mapping[int, Sequence[Change]], executor: Executor) -> Batch:
        """Apply changes, by partition of the topic and in their order, to the rows that are visible."""
        parts: dict[int, list[Change]] = {}
        for number, found in changes.items():
            done = self.offsets[number]
            for change in found:
                if change.offset > done:
                    parts.setdefault(tables.bucket(number, change.key), []).append(change)
        batch = Batch()
        now = datetime.now(UTC).replace(tzinfo=None)
        for bucket, rows in zip(parts, executor.map(self._rows, parts), strict=True):
            number = bucket // tables.BUCKETS
            frame, versions, refused = merge(rows, self._schema, parts[bucket], number, now)
            batch.frames[bucket], batch.offsets[bucket] = frame, parts[bucket][-1].offset
            batch.versions += versions
            batch.refused += [(number, change, reason) for change, reason in refused]
        return batch

    def write(self, batch: Batch, executor: Executor) -> list[Future[None]]:
        """Begin to write a batch; when all is written, `switch` makes it visible."""
        folder = tables.folder(self.table, "current")
        batch.places = {b: parquet.new_folder(f"{folder}/{b}", offset) for b, offset in batch.offsets.items()}
        written = [(f"{batch.places[b]}/{NAME}", frame) for b, frame in batch.frames.items()]
        return [
            executor.submit(parquet.write, self._files, uri, rows)
            for uri, rows in (*written, *self._files_of(batch.versions))
        ]

    def switch(self, batch: Batch) -> None:
        """Make a written batch visible. LabError: nothing of it is, or all of it, which `open` tells."""
        if not batch.places:
            return
        notes = {AT: str(time.time_ns() // 1_000_000), TOPIC: self._topic}
        self._metastore.switch(
            self.table.name,
            [Partition(str(b), at, {OFFSET: str(batch.offsets[b]), **notes}) for b, at in batch.places.items()],
        )
        self._sweep.later(self._buckets[b].location for b in batch.places)
        for bucket, location in batch.places.items():
            self._buckets[bucket] = Bucket(location, batch.offsets[bucket], self._topic)
            self._cache.put(location, batch.frames[bucket])

    def _files_of(self, versions: list[dict[str, Any]]) -> Iterator[tuple[str, polars.DataFrame]]:
        """Files of changes: one a day and partition of the topic, as offsets are counted in each for itself."""
        parts: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for version in versions:
            parts.setdefault((version["changed_at"].date().isoformat(), version["kafka_partition"]), []).append(version)
        self._add_days(sorted({day for day, _ in parts} - set(self._days)))
        for (day, number), rows in parts.items():
            offsets = [row["kafka_offset"] for row in rows]
            self._count[day] = self._count.get(day, 0) + 1
            name = f"{number}-{min(offsets)}-{max(offsets)}.parquet"
            yield f"{self._days[day]}/{name}", polars.DataFrame(rows, schema=self._change_schema, orient="row")

    def _add_days(self, days: Sequence[str]) -> None:
        if days:
            folder = tables.folder(self.table, "changes")
            added = [Partition(day, f"{folder}/{day}/first", {}) for day in days]
            self._metastore.add(f"{self.table.name}_changes", added)
            self._days |= {each.value: each.location for each in added}

    def compact(self, executor: Executor) -> bool:
        """Make one file of the many of a day, if a day has many; returns whether there was one.

        The next changes wait for it: the files are read side by side.
        """
        day = next((day for day, count in self._count.items() if count >= MANY), None)
        if day is None:
            return False
        self._sweep.later([self.rewrite(day, lambda rows: rows, executor)])
        return True

    def rewrite(self, day: str, kept: Callable[[polars.DataFrame], polars.DataFrame], executor: Executor) -> str:
        """Make one file of those of a day, for each partition of the topic, with the rows that are to be kept.

        Returns the former folder, which has all of them still.
        """
        former = self._days[day]
        found = [stored.uri for stored in self._files.list(former)]
        folder = parquet.new_folder(f"{tables.folder(self.table, 'changes')}/{day}", 0)
        self._count[day] = 0
        for number, names in _by_partition(found).items():
            rows = kept(polars.concat(executor.map(self._changes_of, names)))
            if offsets := rows["kafka_offset"].to_list():
                parquet.write(
                    self._files, f"{folder}/{number}-{min(offsets)}-{max(offsets)}.parquet", rows.sort("kafka_offset")
                )
                self._count[day] += 1
        if not self._count[day]:  # Hive wants a folder, and who lists one wants a file
            parquet.write(self._files, f"{folder}/{NAME}", polars.DataFrame(schema=self._change_schema))
        self._metastore.switch(f"{self.table.name}_changes", [Partition(day, folder, {})])
        self._days[day] = folder
        return former

    def versions(self, columns: Sequence[str]) -> Iterator[tuple[str, polars.DataFrame]]:
        """These columns of every change, with their day, file by file."""
        schema = {name: self._change_schema[name] for name in columns}
        for day, folder in list(self._days.items()):
            for stored in self._files.list(folder):
                yield day, parquet.read(self._files, stored.uri, schema)

    def rows(self) -> Iterator[polars.DataFrame]:
        """What is visible, bucket by bucket."""
        for found in self._buckets.values():
            if found.offset != NONE:
                yield parquet.read(self._files, f"{found.location}/{NAME}", self._schema)

    def _changes_of(self, uri: str) -> polars.DataFrame:
        return parquet.read(self._files, uri, self._change_schema)

    def _begin_anew(self) -> None:
        """Forget all rows and versions: another topic counts from nothing."""
        folder = tables.folder(self.table)
        blank = Batch(
            {b: polars.DataFrame(schema=self._schema) for b in self._buckets}, dict.fromkeys(self._buckets, NONE)
        )
        blank.places = {b: parquet.new_folder(f"{folder}/current/{b}", 0) for b in self._buckets}
        days = {day: parquet.new_folder(f"{folder}/changes/{day}", 0) for day in self._days}
        for at in (*blank.places.values(), *days.values()):
            schema = self._schema if at in blank.places.values() else self._change_schema
            parquet.write(self._files, f"{at}/{NAME}", polars.DataFrame(schema=schema))
        self.switch(blank)
        self._metastore.switch(f"{self.table.name}_changes", [Partition(day, at, {}) for day, at in days.items()])
        self._days = days

    def _rows(self, bucket: int) -> polars.DataFrame:
        """What is visible of a bucket."""
        found = self._buckets[bucket]
        if found.offset == NONE:
            return polars.DataFrame(schema=self._schema)
        rows = self._cache.get(found.location)
        return parquet.read(self._files, f"{found.location}/{NAME}", self._schema) if rows is None else rows


class Cache:
    """The rows that were written last, so that they need not be read again; as many as have room."""

    def __init__(self, size: int) -> None:
        self._size, self._used = size, 0
        self._frames: dict[str, tuple[polars.DataFrame, int]] = {}

    def get(self, location: str) -> polars.DataFrame | None:
        """Rows of a folder, which is out of the cache then: whoever takes them writes others."""
        frame, size = self._frames.pop(location, (None, 0))
        self._used -= size
        return frame

    def put(self, location: str, frame: polars.DataFrame) -> None:
        size = int(frame.estimated_size())
        if size > self._size // 2:
            return
        self._frames[location] = (frame, size)
        self._used += size
        while self._used > self._size:
            self.get(next(iter(self._frames)))


def merge(
    rows: polars.DataFrame, schema: dict[str, Any], changes: Iterable[Change], number: int, now: datetime
) -> tuple[polars.DataFrame, list[dict[str, Any]], list[tuple[Change, str]]]:
    """A bucket's rows after changes; the versions that these make; and those that cannot be applied, with the reason.

    A row that is read again and is as it was makes no version, and keeps its place.
    """
    changes = list(changes)
    touched = rows["id"].is_in(list({change.key for change in changes}))
    before = {row["id"]: row for row in rows.filter(touched).to_dicts()}
    state: dict[Key, Version] = {key: _version(row) for key, row in before.items()}
    versions, refused, after = [], [], dict(before)
    for change in changes:
        try:
            applied = apply(state, [change])
        except PoisonousMessageError as error:
            refused.append((change, str(error)))
            continue
        for done in applied:
            row = _placed(done, number, now)
            if done.op == READ and _same(after.get(done.key), row, done.row):
                continue
            versions.append({**row, "op": done.op})
            if done.op == DELETED:
                after.pop(done.key, None)
            else:
                after[done.key] = row
    left = rows.filter(~touched)
    return (
        polars.concat([left, polars.DataFrame(list(after.values()), schema=schema, orient="row")]).sort("id"),
        versions,
        refused,
    )


def _version(row: Mapping[str, Any]) -> Version:
    at = int(row["changed_at"].replace(tzinfo=UTC).timestamp() * 1000)
    values = {name: value for name, value in row.items() if name not in dict(tables.PLACE)}
    return Version(row["kafka_offset"], row["lsn"], at, values)


def _placed(change: Change, number: int, now: datetime) -> dict[str, Any]:
    at = datetime.fromtimestamp(change.at / 1000, UTC).replace(tzinfo=None)
    place = {
        "changed_at": at,
        "applied_at": now,
        "lsn": change.lsn,
        "kafka_partition": number,
        "kafka_offset": change.offset,
    }
    return {**(change.row if change.row is not None else {"id": change.key}), **place}


def _same(before: Mapping[str, Any] | None, row: Mapping[str, Any], values: Mapping[str, Any] | None) -> bool:
    return before is not None and values is not None and all(before[name] == row[name] for name in values)


def _bucket(partition: Partition) -> Bucket:
    return Bucket(partition.location, int(partition.notes.get(OFFSET, NONE)), partition.notes.get(TOPIC, ""))


def _by_partition(uris: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for uri in sorted(uris):
        matched = _FILE.search(uri)
        if matched:
            found.setdefault(int(matched[1]), []).append(uri)
    return found
