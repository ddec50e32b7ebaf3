"""Students without names: one row per student, for the marts.

    spark-submit --py-files s3://<bucket>/spark/lakelab.zip \
        s3://<bucket>/spark/extract_students_staging_to_public.py \
        --pseudonym_key s3://<bucket>/keys/pseudonym.key [--database data_dev_5data]

Reads the typed views of the warehouse and writes table `students_public`: a keyed pseudonym in place of the student
number, no name, no e-mail; dates cut to the month, the year of birth to a band of five years. That is pseudonymised
data, still personal: it serves the marts, which are published, and is not published itself.
"""

from __future__ import annotations

import argparse
import sys

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakelab.errors import LabError
from lakelab.warehouse import publish

TABLE = "students_public"
VIEWS = (
    *("students", "campuses", "companies", "attendances"),
    *("apprenticeships", "audiences", "events"),
)
BLOCK = 64  # bytes of a block of SHA-256
INNER, OUTER = 0x36, 0x5C  # the bytes that RFC 2104 mixes into the key
DAYS_OF_A_MONTH = 30.4375  # on average


def pads(key: DataFrame) -> DataFrame:
    """The key as RFC 2104 mixes it: one row with `inner` and `outer`, blocks in hexadecimal.

    key: one row with the secret in hexadecimal as `value`. It stays in the frame: a literal would show in plans,
    event logs and the web page of Spark.
    """
    digits = F.trim("value")
    short = F.when(F.length(digits) > 2 * BLOCK, F.sha2(F.unhex(digits), 256)).otherwise(digits)
    block = F.rpad(short, 2 * BLOCK, "0")
    return key.select(block.alias("block")).select(
        _mixed("block", INNER).alias("inner"), _mixed("block", OUTER).alias("outer")
    )


def _mixed(block: str, byte: int) -> Column:
    """A block of hexadecimal digits with every byte XORed with one."""
    mixed = F.expr(
        f"transform(sequence(1, {2 * BLOCK}, 2), "
        f"i -> lpad(hex(cast(conv(substring({block}, i, 2), 16, 10) AS int) ^ {byte}), 2, '0'))"
    )
    return F.array_join(mixed, "")


def pseudonym(student_id: Column) -> Column:
    """HMAC-SHA256 of the student number in decimal digits, beside columns `inner` and `outer` of `pads`."""
    message = F.encode(student_id.cast("string"), "UTF-8")
    inner = F.unhex(F.sha2(F.concat(F.unhex("inner"), message), 256))
    return F.sha2(F.concat(F.unhex("outer"), inner), 256)


def recruitment(students: DataFrame, audiences: DataFrame, events: DataFrame) -> DataFrame:
    """id, recruited_by_event (kind) and recruiting_event_id, of students whom an event recruited.

    The event is the last one before the join date at which the student's private e-mail was left, in any case.
    """
    contacts = audiences.select(F.lower(F.trim("email")).alias("mail"), "event_id").distinct()
    met = events.select(F.col("id").alias("event_id"), F.col("date").alias("met_on"), "kind")
    joined = (
        students.select("id", F.lower(F.trim("personal_email")).alias("mail"), "join_date")
        .join(contacts, on="mail", how="inner")
        .join(F.broadcast(met), on="event_id", how="inner")
        .where(F.col("met_on") < F.col("join_date"))
    )
    last = F.max(F.struct("met_on", "event_id", "kind")).alias("last")
    return (
        joined.groupBy("id")
        .agg(last)
        .select(
            "id",
            F.col("last.kind").alias("recruited_by_event"),
            F.col("last.event_id").alias("recruiting_event_id"),
        )
    )


def contracts(apprenticeships: DataFrame, companies: DataFrame) -> DataFrame:
    """student_id, contracts (a list of the regions of their companies) and the companies, each once."""
    placed = companies.select(F.col("id").alias("company_id"), F.col("region").alias("company_region"))
    return (
        apprenticeships.join(F.broadcast(placed), on="company_id", how="left")
        .groupBy(F.col("student_id").alias("id"))
        .agg(
            F.count("*").cast("int").alias("contracts"),
            F.collect_list("company_region").alias("contract_regions"),
            F.array_sort(F.collect_set("company_id")).alias("apprenticeship_company_ids"),
        )
    )


def presence(attendances: DataFrame) -> DataFrame:
    """id, lessons expected, and attendance_rate: the percentage of them that the student came to, one digit."""
    came = F.avg(F.col("present").cast("double"))
    return attendances.groupBy(F.col("student_id").alias("id")).agg(
        F.count("*").cast("int").alias("lessons"), F.round(100 * came, 1).alias("attendance_rate")
    )


def public(students: DataFrame, campuses: DataFrame, facts: list[DataFrame], key: DataFrame) -> DataFrame:
    """One row per student, without anything that names one. `facts` have a column `id`, each id at most once."""
    places = campuses.select(F.col("id").alias("campus_id"), F.col("name").alias("campus"), "region")
    latest = F.max(F.greatest("join_date", F.coalesce("left_date", "join_date"), F.coalesce("hired_date", "join_date")))
    joined = students.join(F.broadcast(places), on="campus_id", how="left")
    for fact in facts:
        joined = joined.join(fact, on="id", how="left")
    joined = joined.crossJoin(F.broadcast(students.agg(latest.alias("latest")))).crossJoin(F.broadcast(pads(key)))
    local = F.size(F.filter("contract_regions", lambda region: region == F.col("region")))
    days = F.datediff("hired_date", "left_date")
    searched = F.when(days > 0, days).when(days <= 0, 0) / DAYS_OF_A_MONTH  # 0: hired before the last day
    return joined.select(
        pseudonym(F.col("id")).alias("pseudonym"),
        *("region", "campus", "promotion"),
        _birth_years().alias("birth_years"),
        *("gender", "origin_institution"),
        F.trunc("join_date", "month").alias("join_month"),
        F.trunc("left_date", "month").alias("left_month"),
        F.year(F.add_months("join_date", -8)).alias("intake_year"),  # intakes begin in September
        *("status", "exit_reason", "competing_school"),
        F.col("average_grade").cast("double").alias("average_grade"),
        "attendance_rate",
        F.coalesce("lessons", F.lit(0)).alias("lessons"),
        *("recruited_by_event", "recruiting_event_id"),
        F.round(searched, 1).alias("months_to_hire"),
        F.floor(F.datediff("latest", "left_date") / DAYS_OF_A_MONTH).cast("int").alias("months_since_left"),
        "hired_company_id",
        F.coalesce("contracts", F.lit(0)).alias("contracts"),
        F.when(F.col("contracts") > 0, local).otherwise(0).alias("local_contracts"),
        F.coalesce("apprenticeship_company_ids", F.array().cast("array<int>")).alias("apprenticeship_company_ids"),
    )


def _birth_years() -> Column:
    first = F.floor(F.year("date_of_birth") / 5) * 5
    return F.concat_ws("-", first.cast("string"), (first + 4).cast("string"))


def read_key(spark: SparkSession, uri: str) -> DataFrame:
    """The key as one row; LabError where the file is missing or is no key of at least 16 bytes."""
    try:
        key = spark.read.text(uri, wholetext=True)
    except AnalysisException as error:
        if error.getErrorClass() != "PATH_NOT_FOUND":
            raise
        raise LabError(
            "no key for the pseudonyms", where=uri, fix="write 32 random hexadecimal digits or more there"
        ) from None
    good = key.select(F.trim(F.regexp_replace("value", r"\s+$", "")).alias("value")).where(
        F.col("value").rlike("^([0-9a-fA-F]{2}){16,}$")
    )
    if good.count() != 1:
        raise LabError("not a key for the pseudonyms", where=uri, fix="give one line of 32 hexadecimal digits or more")
    return good


def run(spark: SparkSession, database: str, key_uri: str) -> None:
    """Read the views, write the table."""
    key = read_key(spark, key_uri)
    tables = {name: spark.table(f"{database}.{name}") for name in VIEWS}
    students = tables["students"].cache()
    facts = [
        presence(tables["attendances"]),
        recruitment(students, tables["audiences"], tables["events"]),
        contracts(tables["apprenticeships"], tables["companies"]),
    ]
    publish(public(students, tables["campuses"], facts, key), f"{database}.{TABLE}")


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="extract_students_staging_to_public.py", description="Students without names, for the marts."
    )
    parser.add_argument("--pseudonym_key", required=True, help="file with the key in hexadecimal digits")
    parser.add_argument("--database", default="data_dev_5data", help="Hive database of the views and of the result")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    arguments = parse_arguments(words)
    spark = SparkSession.builder.appName("extract_students_staging_to_public").enableHiveSupport().getOrCreate()
    try:
        run(spark, arguments.database, arguments.pseudonym_key)
    except LabError as error:
        print(f"extract_students_staging_to_public.py: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
