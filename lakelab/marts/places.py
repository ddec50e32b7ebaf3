"""Questions 3, 4 and 5: regions with what could explain their students and contracts; campuses and their levers."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakelab.anonymity import fold, folded, hide, is_small, mean, own
from lakelab.marts.growth import last_intake
from lakelab.marts.sources import Sources, count_if, sums

INTAKES_BEFORE = 3  # yearly intakes that the last one is compared with


def regions(sources: Sources) -> DataFrame:
    """One row per region that has a campus: its campuses, youth, events and companies, students and contracts."""
    groups = (
        _campuses_of_regions(sources)
        .join(_companies_of_regions(sources.companies), on="region", how="left")
        .join(_students_of_regions(sources.students), on="region", how="left")
        .fillna(0)
    )
    counts = (
        *("campuses", "capacity", "youth_population", "events", "companies", "employees"),
        *("students", "enrolled", "apprentices", "contracts", "local_contracts"),
    )
    few = is_small(F.col("apprentices"))
    return (
        fold(groups, "region", "students", "other regions")
        .groupBy("label")
        .agg(folded("region"), *sums(*counts))
        .select(
            F.col("label").alias("region"),
            "folded",
            *counts[:7],
            hide(F.col("enrolled")).alias("enrolled"),
            hide(F.col("apprentices")).alias("apprentices"),
            F.when(~few, F.col("contracts")).alias("contracts"),
            F.when(~few, F.col("local_contracts")).alias("local_contracts"),
        )
    )


def _campuses_of_regions(sources: Sources) -> DataFrame:
    held = sources.events.groupBy(F.col("campus_id").alias("id")).agg(F.count("*").alias("events"))
    return (
        sources.campuses.join(held, on="id", how="left")
        .groupBy("region")
        .agg(
            F.count("*").alias("campuses"),
            F.sum("capacity").alias("capacity"),
            F.max("youth_population").alias("youth_population"),  # of the region: the same at each campus
            F.sum(F.coalesce("events", F.lit(0))).alias("events"),
        )
    )


def _companies_of_regions(companies: DataFrame) -> DataFrame:
    return companies.groupBy("region").agg(F.count("*").alias("companies"), F.sum("employees").alias("employees"))


def _students_of_regions(students: DataFrame) -> DataFrame:
    return students.groupBy("region").agg(
        F.count("*").alias("students"),
        count_if(F.col("status") == "enrolled").alias("enrolled"),
        count_if(F.col("contracts") > 0).alias("apprentices"),
        F.sum("contracts").alias("contracts"),
        F.sum("local_contracts").alias("local_contracts"),
    )


def campuses(sources: Sources) -> DataFrame:
    """One row per campus, with its distance from the mean of the campuses on each lever.

    A distance is (value - mean) / sample standard deviation, with the sign turned where more is worse. `health` is
    the mean of the distances known, `weakest_lever` the lever with the lowest.
    """
    figures = _figures(sources).cache()
    lever = Window.partitionBy("lever")
    levers = figures.where("folded = 0").select("campus", F.inline(F.array(*_levers()))).where("value IS NOT NULL")
    mean_value = F.avg("value").over(lever)
    distance = F.col("sign") * (F.col("value") - mean_value) / F.stddev_samp("value").over(lever)
    measured = levers.select("campus", "lever", "value", distance.alias("gap"), mean_value.alias("mean"))
    weakest = (
        measured.where("gap IS NOT NULL")
        .groupBy("campus")
        .agg(F.round(F.avg("gap"), 2).alias("health"), F.min(F.struct("gap", "lever", "value", "mean")).alias("weak"))
        .select(
            "campus",
            "health",
            F.col("weak.lever").alias("weakest_lever"),
            F.round("weak.gap", 2).alias("gap"),
            F.round("weak.value", 2).alias("lever_value"),
            F.round("weak.mean", 2).alias("school_value"),
        )
    )
    return figures.join(weakest, on="campus", how="left")


def _levers() -> list[Column]:
    """Structs of lever, value and sign: -1 where more is worse."""
    named = {
        "occupancy": (100 * F.col("enrolled") / F.col("capacity"), 1),
        "drop-out rate": (100 * F.col("drop_outs") / F.col("students"), -1),
        "attendance": (F.col("attendance_rate"), 1),
        "average grade": (F.col("average_grade"), 1),
        "recruits per event": (F.col("recruits") / F.col("events"), 1),
    }
    return [
        F.struct(F.lit(name).alias("lever"), value.alias("value"), F.lit(sign).alias("sign"))
        for name, (value, sign) in named.items()
    ]


def _figures(sources: Sources) -> DataFrame:
    held = sources.events.groupBy(F.col("campus_id").alias("id")).agg(F.count("*").alias("events"))
    groups = (
        sources.campuses.select("id", F.col("name").alias("campus"), "region", "capacity")
        .join(held, on="id", how="left")
        .join(_students_of_campuses(sources.students), on="campus", how="left")
        .fillna(0)
    )
    persons = ("students", "enrolled", "drop_outs", "recruits", "last_intake", "intakes_before")
    totals = ("capacity", "events", *persons, "graded", "grades", "followed", "attendance")
    before = F.round(hide(F.col("intakes_before")) / INTAKES_BEFORE, 1)
    return (
        fold(groups, "campus", "students", "other campuses")
        .groupBy("label")
        .agg(folded("campus"), own("campus", "region"), *sums(*totals))
        .select(
            F.col("label").alias("campus"),
            *("folded", "region", "capacity", "events"),
            *(hide(F.col(name)).alias(name) for name in persons[:-1]),
            before.alias("mean_intake_before"),
            mean(F.col("grades"), F.col("graded")).alias("average_grade"),
            mean(F.col("attendance"), F.col("followed"), 1).alias("attendance_rate"),
        )
    )


def _students_of_campuses(students: DataFrame) -> DataFrame:
    age = F.col("last") - F.col("intake_year")  # in intakes: 0 is the last complete one
    return (
        students.crossJoin(F.broadcast(last_intake(students)))
        .groupBy("campus")
        .agg(
            F.count("*").alias("students"),
            count_if(F.col("status") == "enrolled").alias("enrolled"),
            count_if(F.col("status") == "dropped_out").alias("drop_outs"),
            F.count("recruited_by_event").alias("recruits"),
            count_if(age == 0).alias("last_intake"),
            count_if(age.between(1, INTAKES_BEFORE)).alias("intakes_before"),
            F.count("average_grade").alias("graded"),
            F.sum("average_grade").alias("grades"),
            F.count("attendance_rate").alias("followed"),
            F.sum("attendance_rate").alias("attendance"),
        )
    )
