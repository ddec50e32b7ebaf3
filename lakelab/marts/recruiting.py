"""Questions 6 and 9: what events bring, and which schools take students away."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakelab.anonymity import fold, folded, hide, is_small, mean
from lakelab.marts.sources import Sources, count_if, sums


def events(sources: Sources) -> DataFrame:
    """One row per kind of event, and one for students whom no event recruited.

    `recruits` counts students, `contacts` the addresses left, `contacts_elsewhere` those that chose another school.
    """
    left = sources.audiences.groupBy(F.col("event_id").alias("id")).agg(
        F.count("*").alias("contacts"), F.count("chosen_school").alias("elsewhere")
    )
    kinds = (
        sources.events.join(left, on="id", how="left")
        .groupBy(F.col("kind").alias("source"))
        .agg(
            F.count("*").alias("events"),
            F.sum("cost").cast("double").alias("cost"),
            F.sum(F.coalesce("contacts", F.lit(0))).alias("contacts"),
            F.sum(F.coalesce("elsewhere", F.lit(0))).alias("elsewhere"),
        )
    )
    students = sources.students.groupBy(F.coalesce("recruited_by_event", F.lit("no event")).alias("source")).agg(
        F.count("*").alias("recruits"),
        count_if(F.col("status") == "dropped_out").alias("drop_outs"),
        F.count("average_grade").alias("graded"),
        F.sum("average_grade").alias("grades"),
    )
    joined = kinds.join(students, on="source", how="full")
    return joined.select(
        "source",
        "events",
        "cost",
        hide(F.col("contacts")).alias("contacts"),
        hide(F.col("elsewhere")).alias("contacts_elsewhere"),
        hide(F.coalesce("recruits", F.lit(0))).alias("recruits"),
        hide(F.coalesce("drop_outs", F.lit(0))).alias("drop_outs"),
        mean(F.col("grades"), F.col("graded")).alias("average_grade"),
    )


def competitors(sources: Sources) -> DataFrame:
    """One row per competing school: drop-outs who went there, and contacts (each e-mail once) who chose it."""
    lost = sources.students.where("competing_school IS NOT NULL").select(
        F.col("competing_school").alias("school"), "exit_reason", "average_grade"
    )
    students = lost.groupBy("school").agg(
        F.count("*").alias("students_lost"),
        F.count("average_grade").alias("graded"),
        F.sum("average_grade").alias("grades"),
    )
    contacts = (
        sources.audiences.where("chosen_school IS NOT NULL")
        .groupBy(F.col("chosen_school").alias("school"))
        .agg(F.count_distinct(F.lower("email")).alias("contacts_lost"))
    )
    groups = students.join(contacts, on="school", how="full").fillna(0)
    # A school that took no student is as small as the contacts it took.
    size = F.when(F.col("students_lost") > 0, F.col("students_lost")).otherwise(F.col("contacts_lost"))
    labels = fold(groups.withColumn("size", size), "school", "size", "other schools").cache()
    totals = labels.groupBy("label").agg(
        folded("school"), *sums("students_lost", "contacts_lost", "graded", "grades")
    )
    return totals.join(_main_reason(lost, labels), on="label", how="left").select(
        F.col("label").alias("school"),
        "folded",
        hide(F.col("students_lost")).alias("students_lost"),
        hide(F.col("contacts_lost")).alias("contacts_lost"),
        mean(F.col("grades"), F.col("graded")).alias("average_grade"),
        "main_reason",
        "main_reason_students",
    )


def _main_reason(lost: DataFrame, labels: DataFrame) -> DataFrame:
    """label, the reason that most gave and how many did; none where fewer than k did."""
    reasons = (
        lost.where("exit_reason IS NOT NULL")
        .join(F.broadcast(labels.select("school", "label")), on="school", how="inner")
        .groupBy("label", "exit_reason")
        .agg(F.count("*").alias("given"))
    )
    first = Window.partitionBy("label").orderBy(F.desc("given"), "exit_reason")
    main = reasons.withColumn("place", F.row_number().over(first)).where("place = 1")
    return main.where(~is_small(F.col("given"))).select(
        "label", F.col("exit_reason").alias("main_reason"), F.col("given").alias("main_reason_students")
    )
