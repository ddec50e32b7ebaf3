"""Questions 1 and 2: the best students, and those who drop out."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakelab.anonymity import fold, folded, hide, mean
from lakelab.marts.sources import Sources, apprentice, band, by_dimension, count_if, grade_band, sums


def best_students(sources: Sources) -> DataFrame:
    """Per region and per institution of origin: students, average, and how many are in the school's top tenth.

    The top tenth begins at the 90th percentile (interpolated) of all averages.
    """
    top = sources.students.agg(F.percentile("average_grade", 0.9).alias("top"))
    rows = sources.students.select("region", "origin_institution", "average_grade").crossJoin(F.broadcast(top))
    dimensions = {"region": F.col("region"), "origin institution": F.col("origin_institution")}
    groups = (
        by_dimension(rows, dimensions)
        .groupBy("dimension", "category")
        .agg(
            F.count("*").alias("students"),
            F.count("average_grade").alias("graded"),
            F.sum("average_grade").alias("grades"),
            count_if(F.col("average_grade") >= F.col("top")).alias("best"),
        )
    )
    return (
        fold(groups, "category", "students", "other", by=["dimension"])
        .groupBy("dimension", "label")
        .agg(folded("category"), *sums("students", "graded", "grades", "best"))
        .select(
            "dimension",
            F.col("label").alias("category"),
            "folded",
            "students",
            hide(F.col("graded")).alias("graded_students"),
            mean(F.col("grades"), F.col("graded")).alias("average_grade"),
            hide(F.col("best")).alias("best_students"),
        )
    )


def drop_outs(sources: Sources) -> DataFrame:
    """Per factor and category: students, drop-outs, and the average and attendance of the persons in the row.

    Factor "school" is everyone; factor "reason" has one row per reason given, where only drop-outs are counted and
    `students` is the whole school.
    """
    gone = F.col("status") == "dropped_out"
    rows = sources.students.select("*", gone.alias("gone"))
    groups = (
        by_dimension(rows, _factors(gone))
        .groupBy("dimension", "category")
        .agg(
            F.count("*").alias("persons"),
            count_if(F.col("gone")).alias("drop_outs"),
            F.count("average_grade").alias("graded"),
            F.sum("average_grade").alias("grades"),
            F.count("attendance_rate").alias("followed"),
            F.sum("attendance_rate").alias("attendance"),
        )
    )
    school = rows.agg(F.count("*").alias("school"))
    students = F.when(F.col("dimension") == "reason", F.col("school")).otherwise(F.col("persons"))
    return (
        fold(groups, "category", "persons", "other", by=["dimension"])
        .groupBy("dimension", "label")
        .agg(
            folded("category"),
            *sums("persons", "drop_outs", "graded", "grades", "followed", "attendance"),
        )
        .crossJoin(F.broadcast(school))
        .select(
            F.col("dimension").alias("factor"),
            F.col("label").alias("category"),
            "folded",
            students.alias("students"),
            hide(F.col("drop_outs")).alias("drop_outs"),
            mean(F.col("grades"), F.col("graded")).alias("average_grade"),
            mean(F.col("attendance"), F.col("followed"), 1).alias("attendance_rate"),
        )
    )


def _factors(gone: Column) -> dict[str, Column]:
    """What may go with dropping out; every student has one category of each, but of "reason"."""
    recruited = F.col("recruited_by_event").isNotNull()
    return {
        "school": F.lit("all students"),
        "reason": F.when(gone, F.coalesce("exit_reason", F.lit("not stated"))),
        "average grade": grade_band(),
        "attendance": band(F.col("attendance_rate"), (60, 70, 80, 90), "%", "no lessons"),
        "apprenticeship": apprentice(),
        "promotion": F.col("promotion"),
        "gender": F.col("gender"),
        "recruiting": F.when(recruited, "met at an event").otherwise("not met at an event"),
        "region": F.col("region"),
    }
