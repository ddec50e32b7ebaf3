"""What the marts are made from, and steps that several of them take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Sources:
    """Tables of the warehouse; `students` is students_public, one row per pseudonym."""

    students: DataFrame
    campuses: DataFrame
    companies: DataFrame
    events: DataFrame
    audiences: DataFrame


def count_if(condition: Column) -> Column:
    """How many rows meet the condition."""
    return F.count(F.when(condition, 1))


def sums(*columns: str) -> list[Column]:
    """Each column summed under its own name."""
    return [F.sum(column).alias(column) for column in columns]


def by_dimension(rows: DataFrame, dimensions: Mapping[str, Column]) -> DataFrame:
    """Each row once per dimension, with columns `dimension` and `category`; no row where a category is null."""
    pairs = [F.struct(F.lit(name).alias("dimension"), value.alias("category")) for name, value in dimensions.items()]
    exploded = rows.withColumn("pair", F.explode(F.array(*pairs)))
    return exploded.select(*rows.columns, "pair.*").where("category IS NOT NULL")


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
