"""A school's own CSV files against the catalogue, before the ERP is asked to take them.

Good rows are written anew, in the catalogue's order and the lab's dialect; every other line goes to a file of
refused lines with its number and the reason. Files are read in blocks: memory holds the keys, not the rows.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from lakelab.catalogue import TABLES, Table
from lakelab.errors import LabError
from lakelab.frames import polars as pl
from seed import rules
from seed.draws import Bools
from seed.keys import Keys, new_keys
from seed.records import LINE, RAW, Batch, Reader, Refusal, split_record

Progress = Callable[[str, int, int], None]
_HALF = 2**32


@dataclass
class CheckReport:
    """Rows taken and lines refused of each table; `reasons`: table -> reason -> lines."""

    accepted: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def total_refused(self) -> int:
        return sum(self.refused.values())


@dataclass(frozen=True)
class Header:
    """The header line: the columns in the file's order; its length in bytes."""

    columns: tuple[str, ...]
    size: int


def _read_header(table: Table, path: Path) -> Header:
    """LabError where the names are not exactly the catalogue's."""
    with path.open("rb") as file:
        raw = file.readline(1 << 20)
    try:
        text = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise LabError("the header line is not UTF-8", where=str(path), fix="save the file as UTF-8") from None
    if not text:
        raise LabError("the file has no header line", where=str(path), fix=f"begin it with {_wanted(table)}")
    fields = split_record(text)
    names = tuple(f or "" for f in fields or ())
    if len(names) == 1 and len(table.columns) > 1:
        other = next((what for mark, what in ((";", "semicolons"), ("\t", "tabs")) if mark in text), "")
        if other:
            raise LabError(f"the fields are separated by {other}", where=str(path), fix="separate them by commas")
    missing = [n for n in table.column_names if n not in names]
    unknown = [n for n in names if n not in table.column_names]
    double = [n for n, times in Counter(names).items() if times > 1]
    for found, what in ((missing, "missing"), (unknown, "unknown"), (double, "repeated")):
        if found:
            title = f"{what} column{'s' if len(found) > 1 else ''} {', '.join(n or '(no name)' for n in found)}"
            raise LabError(title, where=str(path), fix=f"the header must be {_wanted(table)}")
    return Header(names, len(raw))


def _wanted(table: Table) -> str:
    return ",".join(table.column_names)


def _headers(folder: Path) -> dict[str, Header]:
    """All eleven headers, before anything is written."""
    if not folder.is_dir():
        raise LabError("no such folder", where=str(folder), fix="give the folder that holds the CSV files")
    missing = [f"{t.name}.csv" for t in TABLES if not (folder / f"{t.name}.csv").is_file()]
    if missing:
        raise LabError(
            f"missing file{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            where=str(folder),
            fix="all eleven are needed; a table without rows is a header line alone",
        )
    return {t.name: _read_header(t, folder / f"{t.name}.csv") for t in TABLES}


class _Uniques:
    """The keys of one table: `id`, unique columns, unique combinations."""

    def __init__(self, table: Table) -> None:
        columns = [("id",), *((c.name,) for c in table.columns if c.unique and c.name != "id"), *table.unique]
        self._table = table
        self.rules = [(names, f"{', '.join(names)}: already taken") for names in columns]
        self._keys: dict[tuple[str, ...], Keys] = {}

    def _values(self, rows: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
        """One value for each row; two whole numbers of four bytes make one of eight."""
        parts = [rows.select(rules.value(self._table.column(name))).to_series() for name in names]
        if len(parts) == 1:
            return parts[0]
        if len(parts) == 2 and all(p.dtype == pl.Int64 for p in parts):
            return parts[0] * _HALF + parts[1]
        return rows.select(pl.concat_str(pl.col(names).cast(pl.String), separator="\0")).to_series()

    def claim(self, rows: pl.DataFrame) -> pl.Series:
        """Takes the keys of the rows; gives the reason for each row whose keys an earlier row has, else NULL."""
        columns = [(names, why, self._values(rows, names)) for names, why in self.rules]
        taken = []
        for names, _, values in columns:
            keys = self._keys.setdefault(names, new_keys(values))
            taken.append(keys.holds(values))
        if any(mask.any() for mask in taken) or any(v.n_unique() < len(v) for _, _, v in columns):
            whys = [why for _, why, _ in columns]
            reasons = _clashes(whys, taken, [values.to_list() for _, _, values in columns])
        else:
            reasons = [None] * rows.height
        found = pl.Series(reasons, dtype=pl.String)
        for names, _, values in columns:
            self._keys[names].add(values.filter(found.is_null()))
        return found

    def ids(self) -> Keys | None:
        """The keys that other tables may refer to; None for an empty table."""
        return self._keys.get(("id",))


def _clashes(whys: list[str], taken: list[Bools], values: list[list[object]]) -> list[str | None]:
    """Row by row, the first rule whose key is taken. A refused row takes no key: not even its good ones."""
    fresh: list[set[object]] = [set() for _ in whys]
    reasons: list[str | None] = []
    for i in range(len(values[0])):
        clash = [rule for rule, keys in enumerate(fresh) if taken[rule][i] or values[rule][i] in keys]
        reasons.append(whys[clash[0]] if clash else None)
        if not clash:
            for rule, keys in enumerate(fresh):
                keys.add(values[rule][i])
    return reasons


class _Checker:
    """Checks table after table, in loading order, against the keys of those before."""

    def __init__(self, folder: Path, refused: Path, clean: Path, progress: Progress | None) -> None:
        self.folder, self.refused, self.clean, self.progress = folder, refused, clean, progress
        self.report = CheckReport()
        self._ids: dict[str, Keys | None] = {}

    def table(self, table: Table, header: Header) -> None:
        """Reads one file, writes its clean rows and its refused lines."""
        path = self.folder / f"{table.name}.csv"
        reader = Reader(path, header.columns, 1, header.size)
        uniques, why = _Uniques(table), rules.reason(table)
        output = [rules.canonical(column) for column in table.columns]
        total, reasons = path.stat().st_size, Counter[str]()
        self.report.accepted[table.name] = 0
        with (self.clean / path.name).open("wb") as good, _RefusedLines(self.refused / path.name) as bad:
            good.write((_wanted(table) + "\n").encode())
            for batch in reader:
                rows, refusals = self._sort_out(table, batch, uniques, why)
                rows.select(output).write_csv(good, include_header=False)
                self.report.accepted[table.name] += rows.height
                reasons.update(r.reason for r in refusals)
                bad.write(refusals)
                if self.progress:
                    self.progress(table.name, reader.position, total)
        self.report.refused[table.name] = sum(reasons.values())
        self.report.reasons[table.name] = dict(reasons.most_common())
        self._ids[table.name] = uniques.ids()

    def _sort_out(
        self, table: Table, batch: Batch, uniques: _Uniques, why: pl.Expr
    ) -> tuple[pl.DataFrame, list[Refusal]]:
        """The rows that the ERP will take, and all other lines in their order."""
        rows = batch.rows.with_columns(why)
        refusals = [*batch.refusals, *_refusals(rows)]
        rows = rows.filter(pl.col(rules.REASON).is_null())
        rows = rows.with_columns(self._orphans(table, rows))
        refusals += _refusals(rows)
        rows = rows.filter(pl.col(rules.REASON).is_null())
        if rows.height:
            rows = rows.with_columns(uniques.claim(rows).alias(rules.REASON))
            refusals += _refusals(rows)
            rows = rows.filter(pl.col(rules.REASON).is_null())
        return rows, sorted(refusals, key=lambda r: r.line)

    def _orphans(self, table: Table, rows: pl.DataFrame) -> pl.Series:
        """For each row, the first reference that leads nowhere; NULL where all are good."""
        found = pl.Series(rules.REASON, [None] * rows.height, dtype=pl.String)
        for column in reversed([c for c in table.columns if c.references]):
            values = rows.select(rules.value(column)).to_series()
            given = values.is_not_null()
            lost = np.zeros(rows.height, dtype=np.bool_)
            keys = self._ids[column.references or ""]
            lost[given.to_numpy()] = True if keys is None else ~keys.holds(values.drop_nulls())
            found = found.set(pl.Series(lost), f"{column.name}: not in {column.references}")
        return found


class _RefusedLines:
    """The file of refused lines; there is none where no line is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> _RefusedLines:
        self._path.unlink(missing_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self._file:
            self._file.close()

    def write(self, refusals: list[Refusal]) -> None:
        if not refusals:
            return
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", newline="")
            self._file.write("line,reason,record\n")
        rows = csv.writer(self._file, lineterminator="\n")
        rows.writerows((r.line, r.reason, r.record) for r in refusals)


def _refusals(rows: pl.DataFrame) -> Iterator[Refusal]:
    refused = rows.filter(pl.col(rules.REASON).is_not_null()).select(LINE, rules.REASON, RAW)
    return (Refusal(*row) for row in refused.iter_rows())


def check_folder(folder: Path, *, refused: Path, clean: Path, progress: Progress | None = None) -> CheckReport:
    """Checks the eleven `<table>.csv` of a folder against the catalogue.

    Good rows are written to `clean/<table>.csv`, with a header line; refused lines to `refused/<table>.csv` as
    line, reason, record (no file where there is none). progress: called with table, bytes read, bytes in all.
    LabError: a file or column is missing or unknown (nothing is written then); a folder cannot be read or written.
    """
    try:
        headers = _headers(folder)
        for target in (refused, clean):
            if target.resolve() == folder.resolve():
                raise LabError("results would overwrite the files", where=str(folder), fix="choose other folders")
            target.mkdir(parents=True, exist_ok=True)
        checker = _Checker(folder, refused, clean, progress)
        for table in TABLES:
            checker.table(table, headers[table.name])
    except OSError as error:
        where = str(error.filename or folder)
        raise LabError(
            f"cannot read or write, {error.strerror or error}", where=where, fix="check permissions and free space"
        ) from error
    return checker.report
