"""The marts of the ten business questions, from the students without names.

    spark-submit --py-files s3://<bucket>/spark/lakelab.zip s3://<bucket>/spark/marts.py [--database data_dev_5data]

Reads `students_public`, which extract_students_staging_to_public.py writes, and the views of campuses, companies,
events and audiences. Each mart (lakelab.marts) is one small Parquet table; none is published with a count of one to
four persons, and then the job fails. A run that was killed can be run again: every table is replaced whole.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

from lakelab.anonymity import check
from lakelab.errors import LabError
from lakelab.marts import MARTS, Mart
from lakelab.marts.sources import Sources
from lakelab.warehouse import publish

AT_ONCE = 2  # marts built side by side: they are so small that one alone leaves a core idle


def read(spark: SparkSession, database: str) -> Sources:
    """The tables that all marts share, kept in memory."""
    if not spark.catalog.tableExists(f"{database}.students_public"):
        raise LabError(
            "no table students_public", where=database, fix="run extract_students_staging_to_public.py first"
        )
    names = ("campuses", "companies", "events", "audiences")
    views = {name: spark.table(f"{database}.{name}").cache() for name in names}
    return Sources(students=spark.table(f"{database}.students_public").coalesce(1).cache(), **views)


def build(mart: Mart, sources: Sources, database: str) -> str:
    """Make, check and publish one mart; returns its name and rows."""
    frame = mart.build(sources).coalesce(1).cache()
    rows = frame.count()
    check(frame, mart.table, mart.persons, mart.where)
    publish(frame, f"{database}.{mart.table}")
    frame.unpersist()
    return f"{mart.table}: {rows} rows"


def run(spark: SparkSession, database: str) -> None:
    """Build all marts."""
    sources = read(spark, database)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in pool.map(lambda mart: build(mart, sources, database), MARTS):
            print(f"marts.py: {line}")


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="marts.py", description="The marts of the ten business questions.")
    parser.add_argument("--database", default="data_dev_5data", help="Hive database of the tables and of the marts")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    arguments = parse_arguments(words)
    spark = SparkSession.builder.appName("marts").enableHiveSupport().getOrCreate()
    try:
        run(spark, arguments.database)
    except LabError as error:
        print(f"marts.py: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
