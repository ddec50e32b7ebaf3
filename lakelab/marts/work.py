"""Questions 7 and 8: how long graduates look for work, and which companies hire them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakelab.anonymity import fold, folded, hide, is_small, mean, own
from lakelab.marts.sources import Sources, apprentice, by_dimension, count_if, grade_band, sums

NEVER = 1e9  # months, for graduates without a job: longer than any search


def hiring(sources: Sources) -> DataFrame:
    """Per dimension and category, of graduates: how many were hired, and after how many months.

    `observed_6` are the graduates who left at least six months before the end of the data, `hired_within_6` those of
    them who were hired within six months. `months_until_half_hired` counts who was not hired as never.
    """
    dimensions = {
        "school": F.lit("all graduates"),
        "region": F.col("region"),
        "apprenticeship": apprentice(),
        "average grade": grade_band(),
        "year of leaving": F.year("left_month").cast("string"),
    }
    graduates = sources.students.where("status = 'graduated'")
    rows = by_dimension(graduates, dimensions)
    counts = rows.groupBy("dimension", "category").agg(F.count("*").alias("graduates"))
    labels = fold(counts, "category", "graduates", "other", by=["dimension"]).drop("graduates")
    observed = F.col("months_since_left") >= 6
    half = F.expr(f"percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(months_to_hire, {NEVER}D))")
    found = (
        rows.join(F.broadcast(labels), on=["dimension", "category"], how="inner")
        .groupBy("dimension", "label")
        .agg(
            F.count_distinct(F.when(F.col("label") != F.col("category"), F.col("category"))).alias("folded"),
            F.count("*").alias("graduates"),
            F.count("months_to_hire").alias("hired"),
            F.sum("months_to_hire").alias("months"),
            F.percentile("months_to_hire", 0.5).alias("median"),
            half.alias("half"),
            count_if(observed).alias("observed_6"),
            count_if(observed & (F.col("months_to_hire") <= 6)).alias("hired_within_6"),
        )
    )
    few = is_small(F.col("hired"))
    return found.select(
        "dimension",
        F.col("label").alias("category"),
        F.col("folded").cast("int").alias("folded"),
        "graduates",
        hide(F.col("hired")).alias("hired"),
        F.when(~few, F.round("median", 1)).alias("median_months"),
        mean(F.col("months"), F.col("hired"), 1).alias("mean_months"),
        F.when(~few & (F.col("half") < NEVER), F.round("half", 1)).alias("months_until_half_hired"),
        hide(F.col("observed_6")).alias("observed_6"),
        hide(F.col("hired_within_6")).alias("hired_within_6"),
    )


def companies(sources: Sources) -> DataFrame:
    """One row per company that hired k graduates or more, and one for all the others that hired."""
    hired = sources.students.where("hired_company_id IS NOT NULL")
    kept = F.array_contains("apprenticeship_company_ids", F.col("hired_company_id"))
    hires = hired.groupBy(F.col("hired_company_id").alias("id")).agg(
        F.count("*").alias("hires"),
        count_if(kept).alias("kept_apprentices"),
        F.count("average_grade").alias("graded"),
        F.sum("average_grade").alias("grades"),
        F.count("months_to_hire").alias("timed"),
        F.sum("months_to_hire").alias("months"),
    )
    learned = (
        sources.students.select("pseudonym", F.explode("apprenticeship_company_ids").alias("id"))
        .groupBy("id")
        .agg(F.count("*").alias("apprentices"))
    )
    known = sources.companies.select("id", F.col("name").alias("company"), "sector", "region", "employees")
    groups = hires.join(known, on="id", how="left").join(learned, on="id", how="left").fillna(0, ["apprentices"])
    # Two companies may share a name: the number keeps them apart until the small ones are folded.
    key = groups.withColumn("key", F.concat_ws(" ", "company", F.format_string("#%d", "id")))
    other = "other companies"
    return (
        fold(key, "key", "hires", other)
        .groupBy("label")
        .agg(
            folded("key"),
            *(own("key", name) for name in ("company", "sector", "region", "employees")),
            *sums("hires", "apprentices", "kept_apprentices", "graded", "grades", "timed", "months"),
        )
        .select(
            F.coalesce("company", F.lit(other)).alias("company"),
            *("folded", "sector", "region", "employees", "hires"),
            hide(F.col("apprentices")).alias("apprentices"),
            hide(F.col("kept_apprentices")).alias("kept_apprentices"),
            mean(F.col("grades"), F.col("graded")).alias("average_grade"),
            mean(F.col("months"), F.col("timed"), 1).alias("mean_months_to_hire"),
        )
    )
