"""Students with their average grade, from stage to presentation.

    spark-submit s3://<bucket>/spark/students.py --students s3://<bucket>/stage/students.csv \
        --grades s3://<bucket>/stage/grades.csv --output_uri hdfs:///dev/data/ERP/STUDENTS \
        [--quarantine_uri hdfs:///dev/quarantine/ERP]

The output has one line per student: the line of the stage, byte for byte, and `average_grade` with two digits,
empty where a student has no grade. It replaces the folder at once when all of it is written.

What happens to a row with a problem, decided here and nowhere else:

* **refused**: the row cannot be read (wrong number of fields, a missing or unparsable value), breaks a rule that
  the ERP enforces (grade out of 0 to 100, a key seen before, a student nobody knows), and so is not used.
  Of rows with the same key the first in text order stays.
* **warning**: the ERP admits the row, so the row stays in the presentation, which must equal the ERP: an e-mail
  address that cannot be one, a person entered twice, an exam that was not sat (it does not count in the average).

Both kinds are written as JSON lines to `<quarantine_uri>/<table>/` with table, severity, reason, id, student_id
(so that an erasure finds them) and, for refused rows alone, the record. The log has one count per reason and
nothing personal. This file needs nothing but PySpark: EMR runs it without --py-files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

# Columns and types of the stage files, as the catalogue has them (tests/unit/test_students_schema.py compares).
STUDENTS = (
    "`id` int, `first_name` string, `last_name` string, `email` string, `personal_email` string, "
    "`gender` string, `date_of_birth` date, `join_date` date, `left_date` date, `campus_id` int, "
    "`promotion` string, `origin_institution` string, `status` string, `exit_reason` string, "
    "`competing_school` string, `hired_date` date, `hired_company_id` int"
)
GRADES = "`id` int, `student_id` int, `subject` string, `date` date, `grade` decimal(4,1)"
OPTIONAL = (
    *("personal_email", "left_date", "exit_reason", "competing_school", "hired_date", "hired_company_id"),
    "grade",
)
CSV = {"quote": '"', "escape": '"', "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "broken"}
REFUSED, WARNING = "refused", "warning"
EMAIL = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"


def columns_of(schema: str) -> list[tuple[str, str]]:
    """Names and types of a schema string."""
    pairs = (column.split(" ") for column in schema.split(", "))
    return [(name.strip("`"), kind) for name, kind in pairs]


def parse(lines: DataFrame, schema: str) -> DataFrame:
    """Columns as text beside the line (`value`), and `problem`: why the line is refused, or null."""
    columns = columns_of(schema)
    text = ", ".join(f"`{name}` string" for name, _ in columns)
    rows = lines.select("value", F.from_csv("value", f"{text}, broken string", CSV).alias("row"))
    problem = F.when(F.col("row").isNull() | F.col("row.broken").isNotNull(), "wrong number of fields")
    for name, kind in columns:
        value = F.col(f"row.{name}")
        if name not in OPTIONAL:
            problem = problem.when(value.isNull(), f"no {name}")
        if kind != "string":
            problem = problem.when(value.isNotNull() & ~readable(value, kind), f"unparsable {name}")
    return rows.select("value", *(F.col(f"row.{name}").alias(name) for name, _ in columns), problem.alias("problem"))


def readable(value: Column, kind: str) -> Column:
    """True where the text is a plain value of that type."""
    if kind.startswith("decimal"):
        return value.rlike(r"^-?[0-9]{1,9}([.][0-9]{1,9})?$")
    # Spark reads 2024-1-1 and 1.9 as well; only what turns back into itself was written by the ERP.
    return F.coalesce(value.cast(kind).cast("string") == value, F.lit(False))


def number(value: Column) -> Column:
    """An id as a number where it is one."""
    return F.when(readable(value, "int"), value.cast("int"))


def judge_students(lines: DataFrame) -> DataFrame:
    """value, id, student_id, problem and warnings (an array) of each line of the students."""
    parsed = parse(lines, STUDENTS)
    person = Window.partitionBy(F.lower("first_name"), F.lower("last_name"), "date_of_birth")
    twice = F.col("problem").isNull() & (F.count(F.when(F.col("problem").isNull(), 1)).over(person) > 1)
    warnings = F.array(
        F.when(~F.col("email").rlike(EMAIL), F.lit("bad e-mail")),
        F.when(~F.col("personal_email").rlike(EMAIL), F.lit("bad personal e-mail")),
        F.when(twice, F.lit("person entered twice")),
    )
    return parsed.select(
        "value",
        "id",
        number(F.col("id")).alias("student_id"),
        "problem",
        F.when(F.col("problem").isNull(), F.array_compact(warnings)).alias("warnings"),
    )


def judge_grades(lines: DataFrame, student_ids: DataFrame) -> DataFrame:
    """value, id, student_id, grade, problem and warnings of each line of the grades.

    student_ids has one column `student_id`, the students that the presentation knows, each once.
    """
    parsed = parse(lines, GRADES).withColumn("student_id", number(F.col("student_id")))
    known = student_ids.withColumn("known", F.lit(True))
    joined = parsed.join(known, on="student_id", how="left")
    problem = (
        F.when(F.col("problem").isNotNull(), F.col("problem"))
        .when(~F.col("grade").cast("double").between(0, 100), "grade out of 0 to 100")
        .when(F.col("known").isNull(), "unknown student")
    )
    return joined.withColumn("problem", problem).select(
        "value",
        "id",
        "student_id",
        F.when(F.col("problem").isNull(), F.col("grade").cast("decimal(4,1)")).alias("grade"),
        "problem",
        F.when(F.col("problem").isNull() & F.col("grade").isNull(), F.array(F.lit("exam not sat"))).alias("warnings"),
    )


def has_repeated_keys(judged: DataFrame) -> bool:
    """True where two accepted rows have the same key: rare, so that the costly remedy runs only then."""
    accepted = judged.where("problem IS NULL")
    total, different = accepted.agg(F.count("id"), F.count_distinct("id")).first() or (0, 0)
    return bool(total != different)


def refuse_repeated_keys(judged: DataFrame) -> DataFrame:
    """Of the accepted rows with one key, all but the first in text order get a problem."""
    order = Window.partitionBy("id", F.col("problem").isNull()).orderBy("value")
    repeated = F.col("problem").isNull() & (F.row_number().over(order) > 1)
    return judged.withColumn("problem", F.when(repeated, "key seen before").otherwise(F.col("problem"))).withColumn(
        "warnings", F.when(F.col("problem").isNull(), F.col("warnings"))
    )


def averages(grades: DataFrame) -> DataFrame:
    """student_id and average_grade (two digits, halves rounded up) of the accepted grades."""
    counted = grades.where("problem IS NULL AND grade IS NOT NULL")
    average = F.round(F.avg("grade"), 2).cast("decimal(5,2)")
    return counted.groupBy("student_id").agg(average.alias("average_grade"))


def presentation(students: DataFrame, average: DataFrame) -> DataFrame:
    """One column `value`: the accepted line of each student, a comma, the average or nothing."""
    accepted = students.where("problem IS NULL")
    joined = accepted.join(average, on="student_id", how="left")
    written = F.coalesce(F.col("average_grade").cast("string"), F.lit(""))
    return joined.select(F.concat("value", F.lit(","), written).alias("value"))


def quarantine(judged: DataFrame, table: str) -> DataFrame:
    """One row per problem and per warning, as the quarantine keeps them."""
    reasons = F.when(F.col("problem").isNotNull(), F.array("problem")).otherwise(F.col("warnings"))
    refused = F.col("problem").isNotNull()
    return judged.select("*", F.explode(reasons).alias("reason")).select(
        F.lit(table).alias("table"),
        F.when(refused, REFUSED).otherwise(WARNING).alias("severity"),
        "reason",
        "id",
        "student_id",
        F.when(refused, F.col("value")).alias("record"),
    )


def replace_folder(spark: SparkSession, uri: str, write: Callable[[str], None]) -> None:
    """Write beside the folder and put the result in its place, so that readers never see half of it."""
    hadoop = spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
    target = hadoop.Path(uri.rstrip("/"))
    beside = hadoop.Path(target.getParent(), f"_{target.getName()}.new")
    write(beside.toString())
    files = target.getFileSystem(spark._jsc.hadoopConfiguration())
    files.delete(target, True)
    if not files.rename(beside, target):
        raise OSError(f"could not move {beside.toString()} to {target.toString()}")


def report(found: DataFrame, table: str) -> None:
    """Log one count per reason."""
    counts = found.groupBy("severity", "reason").count().orderBy("severity", "reason").collect()
    for severity, reason, count in counts:
        print(f"students.py: {table}: {severity}: {reason}: {count}")
    print(f"students.py: {table}: rows with a problem: {sum(row['count'] for row in counts)}")


def run(spark: SparkSession, arguments: argparse.Namespace) -> None:
    """Read, judge, and write the presentation and then the quarantine."""
    students = judge_students(spark.read.text(arguments.students, lineSep="\n")).cache()
    if has_repeated_keys(students):
        students = refuse_repeated_keys(students).cache()
    ids = students.where("problem IS NULL").select("student_id")
    grades = judge_grades(spark.read.text(arguments.grades, lineSep="\n"), ids).cache()
    if has_repeated_keys(grades):
        grades = refuse_repeated_keys(grades).cache()
    output = presentation(students, averages(grades))
    replace_folder(spark, arguments.output_uri, lambda uri: output.write.mode("overwrite").text(uri, lineSep="\n"))
    for table, judged in (("students", students), ("grades", grades)):
        found = quarantine(judged, table).coalesce(1).cache()
        report(found, table)
        folder = f"{arguments.quarantine_uri.rstrip('/')}/{table}"
        replace_folder(spark, folder, lambda uri, rows=found: rows.write.mode("overwrite").json(uri))  # type: ignore[misc]


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="students.py", description="Students with their average grade.")
    parser.add_argument("--students", required=True, help="students of the stage, CSV without header")
    parser.add_argument("--grades", required=True, help="grades of the stage, CSV without header")
    parser.add_argument("--output_uri", required=True, help="folder of the presentation")
    parser.add_argument("--quarantine_uri", default="hdfs:///dev/quarantine/ERP", help="folder of rows with problems")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    arguments = parse_arguments(words)
    spark = SparkSession.builder.appName("students").getOrCreate()
    try:
        run(spark, arguments)
    except AnalysisException as error:
        if error.getErrorClass() != "PATH_NOT_FOUND":
            raise
        missing = (error.getMessageParameters() or {}).get("path", "the input")
        print(f"students.py: {missing} does not exist: unload the tables first", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
