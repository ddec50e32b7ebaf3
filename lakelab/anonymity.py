"""k-anonymity of what is published: no number may tell of a group of one to four persons.

A group below k is folded into one row for all small groups (`fold`), so that totals stay right; where that row
would itself be too small, the next group joins it. A count inside a group, such as its drop-outs, is left empty
below k (`hide`). `check` refuses to publish a mart that breaks the rule.
Source: L. Sweeney, "k-anonymity: a model for protecting privacy", 2002.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakelab.errors import LabError

K = 5


def fold(groups: DataFrame, key: str, persons: str, other: str, by: Sequence[str] = ()) -> DataFrame:
    """Add `label`: the group's own name, or `other` where the group is too small to be published.

    groups: one row per `by` and `key`, with a count of `persons`. Groups without persons keep their name. Where
    all groups together have less than k persons, none of them is in the result.
    """
    window = Window.partitionBy(*by).orderBy(persons, key)
    smaller = F.coalesce(F.sum(persons).over(window.rowsBetween(Window.unboundedPreceding, -1)), F.lit(0))
    total = F.sum(persons).over(Window.partitionBy(*by))
    small = is_small(F.col(persons)) | is_small(smaller)
    labelled = groups.withColumn("label", F.when(small, F.lit(other)).otherwise(F.col(key))).withColumn("all", total)
    return labelled.where((F.col("all") == 0) | (F.col("all") >= K)).drop("all")


def folded(key: str) -> Column:
    """After `fold`, in an aggregate by label: how many groups were folded into the row, 0 for a group's own row."""
    return F.sum(F.when(F.col("label") != F.col(key), 1).otherwise(0)).cast("int").alias("folded")


def own(key: str, column: str) -> Column:
    """After `fold`, in an aggregate by label: an attribute of the group, empty in the row of folded groups."""
    return F.max(F.when(F.col("label") == F.col(key), F.col(column))).alias(column)


def is_small(count: Column) -> Column:
    """True for a count of one to k-1 persons."""
    return count.between(1, K - 1)


def hide(count: Column) -> Column:
    """The count, or null where it tells of one to k-1 persons."""
    return F.when(~is_small(count), count)


def mean(total: Column, count: Column, digits: int = 2) -> Column:
    """total / count, rounded, or null where the count is below k."""
    return F.when(count >= K, F.round(total / count, digits))


def check(frame: DataFrame, name: str, persons: Sequence[str], where: str = "true") -> None:
    """Raise LabError where a column of `persons` has a count of one to k-1 in a row that meets `where`."""
    for column in persons:
        found = frame.where(where).where(is_small(F.col(column))).count()
        if found:
            raise LabError(
                f"{found} groups in column {column} have fewer than {K} persons", where=name,
                fix="fold or hide them before they are published",
            )  # fmt: skip
