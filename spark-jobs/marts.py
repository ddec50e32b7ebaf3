"""The marts of the ten business questions, from the students without names.

    spark-submit --py-files s3://<bucket>/spark/lakelab.zip s3://<bucket>/spark/marts.py [--database data_dev_5data]

Reads `students_public`, which extract_students_staging_to_public.py writes, and the views of campuses, companies,
events and audiences. Each mart (lakelab.marts) is one small Parquet table; none is published with a count of one to
four persons: then the job fails. A run that was killed can be run again: every table is replaced whole.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakelab.errors import LabError
from lakelab.marts import MARTS, Mart
from lakelab.marts.counting import read_school
from lakelab.marts.school import Row
from lakelab.warehouse import publish

AT_ONCE = 2  # tables written side by side: each is so small that one alone leaves a core idle


def write(spark: SparkSession, mart: Mart, rows: list[Row], database: str) -> str:
    """Publish the rows as the mart's table; returns a line for the log."""
    columns = ", ".join(column.replace(" ", ":", 1) for column in mart.schema.split(", "))
    # As one JSON text: a frame from Python objects would start Python workers for these few rows.
    parsed = F.from_json(F.lit(json.dumps(rows)), f"array<struct<{columns}>>")
    publish(spark.range(0, 1, 1, 1).select(F.inline(parsed)), f"{database}.{mart.table}")
    return f"{mart.table}: {len(rows)} rows"


def run(spark: SparkSession, database: str) -> None:
    """Count the school, make and check all marts, and only then publish them."""
    school = read_school(spark, database)
    made = [(mart, mart.rows(school)) for mart in MARTS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in pool.map(lambda pair: write(spark, pair[0], pair[1], database), made):
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
