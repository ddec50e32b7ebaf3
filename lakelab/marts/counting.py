"""Counting the school with Spark: the only part of the marts that touches rows of persons.

One pass over the students counts every group that any mart needs; what comes back are a few thousand sums, from
which plain Python makes the marts. That is quicker than a query per mart, and keeps persons out of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import pairwise

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakelab.errors import LabError
from lakelab.marts.school import Campus, Company, Event, School, Search, Tally

AT_ONCE = 2  # queries side by side: each is so small that one alone leaves a core idle
NAMES = [field.name for field in fields(Tally)]


def read_school(spark: SparkSession, database: str) -> School:
    """Count the tables of the warehouse; LabError where `students_public` was not made yet."""
    if not spark.catalog.tableExists(f"{database}.students_public"):
        raise LabError(
            "no table students_public", where=database, fix="run extract_students_staging_to_public.py first"
        )
    students = spark.table(f"{database}.students_public")
    views = {name: spark.table(f"{database}.{name}") for name in ("campuses", "companies", "events", "audiences")}
    until, top = students.agg(known_until(), F.percentile("average_grade", 0.9)).first() or (None, None)
    queries = (
        tallies(students, top),
        events(views["events"], views["audiences"]),
        searches(students),
        contacts_lost(views["audiences"]),
        views["campuses"].select("id", "name", "region", "capacity", "youth_population"),
        views["companies"].select("id", "name", "sector", "region", "employees"),
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        counted, held, searched, lost, campuses, companies = pool.map(DataFrame.collect, queries)
    found: dict[str, dict[tuple[str, str], Tally]] = {}
    for row in counted:
        tally = Tally(*(row[name] for name in NAMES))
        found.setdefault(row["dimension"], {})[row["category"], row["detail"]] = tally
    return School(
        tallies=found,
        last_intake=until or 0,
        searches=[Search(*row) for row in searched],
        campuses=[Campus(*row) for row in campuses],
        companies=[Company(*row) for row in companies],
        events=[Event(*row) for row in held],
        contacts_lost={row[0]: row[1] for row in lost},
    )


def known_until() -> Column:
    """The last intake year that is complete.

    Intakes run from September to August and are complete for practice once the data reach the next February: later
    joiners are few, while an intake cut off in autumn would look like a collapse.
    """
    last = F.max(F.greatest("join_month", F.coalesce("left_month", "join_month")))
    return F.year(F.add_months(last, -13))


def tallies(students: DataFrame, top: float | None) -> DataFrame:
    """dimension, category, detail and the sums of `Tally`, of every group of students. `top`: where the best begin."""
    gone = F.col("status") == "dropped_out"
    kept = F.array_contains("apprenticeship_company_ids", F.col("hired_company_id"))
    measures = {
        "students": F.lit(1),
        "enrolled": F.col("status") == "enrolled",
        "graduated": F.col("status") == "graduated",
        "drop_outs": gone,
        "graded": F.col("average_grade").isNotNull(),
        "grades": F.round(100 * F.col("average_grade")),
        "best": F.col("average_grade") >= F.lit(top),
        "followed": F.col("attendance_rate").isNotNull(),
        "attendance": F.round(10 * F.col("attendance_rate")),
        "recruits": F.col("recruited_by_event").isNotNull(),
        "apprentices": F.col("contracts") > 0,
        "contracts": F.col("contracts"),
        "local_contracts": F.col("local_contracts"),
        "kept": kept,
        "timed": F.col("months_to_hire").isNotNull(),
        "months": F.round(10 * F.col("months_to_hire")),
    }
    numbers = [F.coalesce(value.cast("long"), F.lit(0)).alias(name) for name, value in measures.items()]
    return (
        students.select(F.explode(_groups(gone)).alias("group"), *numbers)
        .where("group.category IS NOT NULL")
        .groupBy("group.dimension", "group.category", "group.detail")
        .agg(*(F.sum(name).alias(name) for name in NAMES))
    )


def _groups(gone: Column) -> Column:
    """All groups that a student belongs to, as an array of structs; a null category is no group."""
    year = F.col("intake_year").cast("string")
    recruited = F.col("recruited_by_event").isNotNull()
    single: dict[str, Column | tuple[Column, Column]] = {
        "school": F.lit("all students"),
        "school intake": (F.lit("all students"), year),
        "region": F.col("region"),
        "region intake": (F.col("region"), year),
        "campus": F.col("campus"),
        "campus intake": (F.col("campus"), year),
        "origin institution": F.col("origin_institution"),
        "reason": F.when(gone, F.coalesce("exit_reason", F.lit("not stated"))),
        "average grade": grade_band(),
        "attendance": band(F.col("attendance_rate"), (60, 70, 80, 90), "%", "no lessons"),
        "apprenticeship": apprentice(),
        "promotion": F.col("promotion"),
        "gender": F.col("gender"),
        "recruiting": F.when(recruited, "met at an event").otherwise("not met at an event"),
        "source": F.coalesce("recruited_by_event", F.lit("no event")),
        "competing school": (F.col("competing_school"), F.coalesce("exit_reason", F.lit("not stated"))),
        "employer": F.col("hired_company_id").cast("string"),
    }
    found = F.array(*(_group(name, value) for name, value in single.items()))
    learned = F.transform("apprenticeship_company_ids", lambda company: _group("learned at", company.cast("string")))
    return F.concat(found, learned)


def _group(dimension: str, value: Column | tuple[Column, Column]) -> Column:
    category, detail = value if isinstance(value, tuple) else (value, F.lit(""))
    return F.struct(F.lit(dimension).alias("dimension"), category.alias("category"), detail.alias("detail"))


def searches(students: DataFrame) -> DataFrame:
    """The columns of `Search`: how many graduates of a category took how long."""
    dimensions: Mapping[str, Column] = {
        "school": F.lit("all graduates"),
        "region": F.col("region"),
        "apprenticeship": apprentice(),
        "average grade": grade_band(),
        "year of leaving": F.year("left_month").cast("string"),
    }
    groups = F.array(*(_group(name, value) for name, value in dimensions.items()))
    return (
        students.where("status = 'graduated'")
        .select(
            F.explode(groups).alias("group"),
            F.round(10 * F.col("months_to_hire")).cast("int").alias("months"),
            (F.coalesce("months_since_left", F.lit(0)) >= 6).alias("observed"),
        )
        .where("group.category IS NOT NULL")
        .groupBy("group.dimension", "group.category", "months", "observed")
        .agg(F.count("*").alias("graduates"))
        .select("dimension", "category", "months", "observed", "graduates")
    )


def events(held: DataFrame, audiences: DataFrame) -> DataFrame:
    """The columns of `Event`."""
    left = audiences.groupBy("event_id").agg(
        F.count("*").alias("contacts"), F.count("chosen_school").alias("elsewhere")
    )
    joined = held.join(left, on=held["id"] == left["event_id"], how="left")
    contacts = (F.coalesce(name, F.lit(0)).alias(name) for name in ("contacts", "elsewhere"))
    return joined.select("campus_id", "kind", F.col("cost").cast("double").alias("cost"), *contacts)


def contacts_lost(audiences: DataFrame) -> DataFrame:
    """Per competing school, the e-mail addresses (in any case, each once) of contacts who chose it."""
    chosen = audiences.where("chosen_school IS NOT NULL").select("chosen_school", F.lower("email").alias("mail"))
    return chosen.distinct().groupBy("chosen_school").agg(F.count("*").alias("contacts"))


def band(value: Column, bounds: tuple[int, ...], unit: str, missing: str) -> Column:
    """The band that a value falls into: "below 40", "40 to 50", … with the unit, or `missing`."""
    named = F.when(value.isNull(), missing).when(value < bounds[0], f"below {bounds[0]}{unit}")
    for low, high in pairwise(bounds):
        named = named.when(value < high, f"{low} to {high}{unit}")
    return named.otherwise(f"{bounds[-1]}{unit} and more")


def grade_band() -> Column:
    """The band of `average_grade`."""
    return band(F.col("average_grade"), (40, 50, 60, 70), "", "no grade")


def apprentice() -> Column:
    """Whether the student had an apprenticeship contract."""
    return F.when(F.col("contracts") > 0, "with contract").otherwise("without contract")
