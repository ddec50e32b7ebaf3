"""Proof that a table is the same everywhere: record counts and sums that do not depend on the order of the records.

A record's text is its CSV fields in catalogue order, as the stage writes them, joined by the character 31
(lakelab.stage_file); NULL is empty, which no text ever is. A record's hash is the first 15 hexadecimal digits of the
MD5 of that text, as a whole number; a table's checksum is the number of its records and the exact sum of their hashes.
A sum, unlike an exclusive or, also sees a record that is there twice more. It finds accidents, not forgers.

The same figures come out of Postgres, of a file of the stage, and of Hive or Spark SQL over the files in HDFS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import psycopg2

from lakelab.catalogue import TABLES, WAREHOUSE, Column, Kind, Table
from lakelab.database import SAME_TEXT, told
from lakelab.render import stage_expression
from lakelab.stage_file import record_texts
from lakelab.storage import Storage

DIGITS = 15  # 60 bits: fits a signed 64-bit integer in every engine

Checksums = Mapping[str, "Checksum"]
RunSql = Callable[[str], Iterable[Iterable[Any]]]


@dataclass(frozen=True)
class Checksum:
    """Records of a table and the sum of their hashes."""

    rows: int
    digest: int

    def __str__(self) -> str:
        return f"{self.rows:,} records, {self.digest:x}"


@dataclass(frozen=True)
class Difference:
    """A table that is not the same as in the ERP. found is None where the table is missing."""

    table: str
    where: str
    expected: Checksum
    found: Checksum | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.table}: missing in the {self.where}"
        if self.found.rows == self.expected.rows:
            return f"{self.table}: {self.where} has the {self.found.rows:,} records of the ERP, but with other contents"
        by = self.found.rows - self.expected.rows
        return (
            f"{self.table}: {self.where} has {self.found.rows:,} records, the ERP {self.expected.rows:,}: "
            f"{abs(by):,} {'more' if by > 0 else 'fewer'}"
        )


def compare(erp: Checksums, stage: Checksums, presentation: Checksums | None) -> list[Difference]:
    """What differs from the ERP, table by table; nothing when all are the same. Without a presentation: the stage."""
    return [
        Difference(table, where, expected, found.get(table))
        for table, expected in erp.items()
        for where, found in (("stage", stage), ("presentation", presentation))
        if found is not None and found.get(table) != expected
    ]


def postgres_sql(table: Table) -> str:
    """A SELECT with one record: the table's name, its records, the sum of their hashes as text."""
    fields = ", ".join(_postgres_field(column) for column in table.columns)
    digits = f"substr(md5(concat_ws(chr(31), {fields})), 1, {DIGITS})"
    return (
        f"SELECT '{table.name}' AS table_name, count(*) AS row_count, "
        f"coalesce(sum(('x' || {digits})::bit({4 * DIGITS})::bigint), 0)::text AS digest FROM public.{table.name}"
    )


def _postgres_field(column: Column) -> str:
    # CASE, as the text of a boolean is 't' in CSV but 'true' in a cast.
    text = (
        f"""CASE "{column.name}" WHEN true THEN 't' WHEN false THEN 'f' END"""
        if column.kind is Kind.BOOL
        else f"{stage_expression(column)}::text"
    )
    return f"coalesce({text}, '')" if column.nullable else text


def hive_sql(table: Table, database: str = WAREHOUSE) -> str:
    """The same over the string table `<table>_csv`, in SQL that Spark 3.5 and HiveServer2 4 both run."""
    fields = ", ".join(f"coalesce(`{column.name}`, '')" for column in table.columns)
    digits = f"substr(md5(concat_ws(chr(31), {fields})), 1, {DIGITS})"
    return (
        f"SELECT '{table.name}' AS table_name, count(*) AS row_count, "
        f"CAST(coalesce(sum(CAST(conv({digits}, 16, 10) AS decimal(19,0))), 0) AS string) AS digest "
        f"FROM {database}.{table.name}_csv"
    )


def all_postgres_sql(tables: Iterable[Table] = TABLES) -> str:
    """Every table in one statement, so that the server sees one moment."""
    return "\nUNION ALL\n".join(postgres_sql(table) for table in tables)


def all_hive_sql(tables: Iterable[Table] = TABLES, database: str = WAREHOUSE) -> str:
    """Every table in one statement, so that one job does it."""
    return "\nUNION ALL\n".join(hive_sql(table, database) for table in tables)


def from_rows(rows: Iterable[Iterable[Any]]) -> dict[str, Checksum]:
    """Result records of any of the statements above → checksum by table."""
    return {str(name): Checksum(int(count), int(digest)) for name, count, digest in rows}


def erp_checksums(connection: Any, tables: Iterable[Table] = TABLES) -> dict[str, Checksum]:
    """Checksums of the ERP, in the connection's present transaction. LabError: a table is missing or not readable."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(SAME_TEXT)
            cursor.execute(all_postgres_sql(tables))
            return from_rows(cursor.fetchall())
    except psycopg2.Error as error:
        raise told(error, "*") from None


def file_checksum(stream: BinaryIO, table: Table) -> Checksum:
    """The checksum of one uncompressed file of the stage (CSV, UTF-8, no header).

    A record with too few or too many fields counts as it stands, and so shows as a difference.
    """
    fresh = hashlib.md5(usedforsecurity=False).copy  # a copy takes half the time of a new one
    number = int.from_bytes
    rows = digest = 0
    for text in record_texts(stream):
        md5 = fresh()
        md5.update(text)
        rows += 1
        digest += number(md5.digest()[:8], "big") >> (64 - 4 * DIGITS)
    return Checksum(rows, digest)


def stage_checksums(storage: Storage, stage_uri: str) -> dict[str, Checksum]:
    """Checksums of the stage's files; a missing file is left out."""
    found = {}
    for table in TABLES:
        uri = f"{stage_uri}/{table.name}.csv"
        if storage.exists(uri):
            with storage.open(uri) as stream:
                found[table.name] = file_checksum(stream, table)
    return found


def presentation_checksums(run_sql: RunSql) -> dict[str, Checksum]:
    """Checksums of the warehouse's tables. run_sql runs a query on the warehouse and returns its rows."""
    return from_rows(run_sql(all_hive_sql()))
