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
from functools import reduce

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
    "personal_email", "left_date", "exit_reason", "competing_school", "hired_date", "hired_company_id", "grade",
)  # fmt: skip
CSV = {"quote": '"', "escape": '"', "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "broken"}
REFUSED, WARNING = "refused", "warning"
UNREADABLE = "unreadable"  # replaced by the cause before it is written
EMAIL = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"


def columns_of(schema: str) -> list[tuple[str, str]]:
    """Names and types of a schema string."""
    pairs = (column.split(" ") for column in schema.split(", "))
    return [(name.strip("`"), kind) for name, kind in pairs]


def why_refused(line: Column, schema: str) -> Column:
    """Why a line cannot be a row of that schema: its first fault, or null."""
    columns = columns_of(schema)
    row = F.from_csv(line, ", ".join(f"`{name}` string" for name, _ in columns) + ", broken string", CSV)
    problem = F.when((line == "") | row.isNull() | row["broken"].isNotNull(), "wrong number of fields")
    for name, kind in columns:
        if name not in OPTIONAL:
            problem = problem.when(row[name].isNull(), f"no {name}")
        if kind != "string":
            problem = problem.when(row[name].isNotNull() & ~readable(row[name], kind), f"unparsable {name}")
    return problem


def readable(value: Column, kind: str) -> Column:
    """True where the text is a value of that type."""
    if kind.startswith("decimal"):
        return value.rlike(r"^-?[0-9]{1,3}([.][0-9]+)?$")
    pattern = r"^-?[0-9]{1,10}$" if kind == "int" else r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    return value.rlike(pattern) & value.cast(kind).isNotNull()


def reading_schema(schema: str) -> str:
    """The schema to read CSV with. Dates stay text: for some wrong dates Spark's reader would end the whole job."""
    return ", ".join(f"`{name}` {'string' if kind == 'date' else kind}" for name, kind in columns_of(schema)) + (
        ", broken string"
    )


def parse(lines: DataFrame, schema: str) -> DataFrame:
    """Columns beside the line (`value`), and `problem`: "unreadable", or null for a row that is complete."""
    row = F.from_csv("value", reading_schema(schema), CSV)
    rows = lines.select("value", row.alias("row")).select("value", "row.*")
    return rows.withColumn("problem", F.when(~complete(schema), UNREADABLE))


def complete(schema: str) -> Column:
    """True for a row that was read whole: `broken` is where Spark puts a line that it could not read."""
    columns = columns_of(schema)
    required = [F.col(name).isNotNull() for name, _ in columns if name not in OPTIONAL]
    dates = [
        F.col(name).isNull() | ((F.length(name) == 10) & F.col(name).cast("date").isNotNull())
        for name, kind in columns
        if kind == "date"
    ]
    return reduce(Column.__and__, [*required, *dates], F.col("broken").isNull())


def judge_students(lines: DataFrame) -> DataFrame:
    """value, id, student_id, problem and warnings (an array) of each line of the students."""
    person = Window.partitionBy(F.lower("first_name"), F.lower("last_name"), "date_of_birth")
    warnings = F.array(
        F.when(~F.col("email").rlike(EMAIL), "bad e-mail"),
        F.when(~F.col("personal_email").rlike(EMAIL), "bad personal e-mail"),
        F.when(F.count(F.when(F.col("problem").isNull(), 1)).over(person) > 1, "person entered twice"),
    )
    warned = F.when(F.col("problem").isNull(), F.array_compact(warnings)).alias("warnings")
    return parse(lines, STUDENTS).select("value", "id", F.col("id").alias("student_id"), "problem", warned)


def judge_grades(grades: DataFrame) -> DataFrame:
    """The grades with `value` (the line, where it is unreadable), problem and warnings (an array).

    grades: columns of `reading_schema(GRADES)`, as Spark's CSV reader gives them.
    """
    names = [name for name, _ in columns_of(GRADES)]
    out_of_range = F.when(~F.col("grade").between(0, 100), "grade out of 0 to 100")
    judged = grades.withColumn("problem", F.when(~complete(GRADES), UNREADABLE).otherwise(out_of_range))
    not_sat = F.col("problem").isNull() & F.col("grade").isNull()
    warnings = F.when(not_sat, F.array(F.lit("exam not sat"))).alias("warnings")
    return judged.select(F.col("broken").alias("value"), *names, "problem", warnings)


def refuse_unknown_students(judged: DataFrame, student_ids: DataFrame) -> DataFrame:
    """Accepted grades of a student whom `student_ids` (one column `student_id`) lacks get a problem."""
    joined = judged.join(student_ids.withColumn("known", F.lit(True)), on="student_id", how="left")
    unknown = F.col("problem").isNull() & F.col("known").isNull()
    problem = F.when(unknown, "unknown student").otherwise(F.col("problem"))
    return joined.withColumn("problem", problem).drop("known")


def may_repeat_keys(lines: DataFrame) -> bool:
    """True where two lines begin with the same number: rare, so that the costly remedy runs only then."""
    first = lines.select(F.substring_index("value", ",", 1).cast("int").alias("id")).where("id IS NOT NULL")
    bits = F.expr("bitmap_construct_agg(bitmap_bit_position(id))")  # one bit per key: exact, and small
    buckets = first.groupBy(F.expr("bitmap_bucket_number(id)")).agg(F.count("*").alias("rows"), bits.alias("bits"))
    found = buckets.agg(F.sum(F.expr("rows - bitmap_count(bits)"))).first()
    return bool(found and found[0])


def refuse_repeated_keys(judged: DataFrame) -> DataFrame:
    """Of the accepted rows with one key, all but the first in order of their contents get a problem."""
    contents = [name for name in judged.columns if name not in ("problem", "warnings")]
    order = Window.partitionBy("id", F.col("problem").isNull()).orderBy(*contents)
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


def quarantine(judged: DataFrame, table: str, schema: str) -> DataFrame:
    """One row per problem and per warning, as the quarantine keeps them."""
    refused = F.col("problem").isNotNull()
    names = [F.col(name) for name, _ in columns_of(schema) if name in judged.columns]
    record = F.coalesce(F.col("value"), F.to_csv(F.struct(*names)))
    unreadable = F.coalesce(why_refused(record, schema), F.lit(UNREADABLE))
    reason = F.when(F.col("problem") == UNREADABLE, unreadable).otherwise(F.col("problem"))
    found = judged.where(refused | (F.size("warnings") > 0))
    reasons = F.when(refused, F.array(reason)).otherwise(F.col("warnings"))
    return found.withColumn("reason", F.explode(reasons)).select(
        F.lit(table).alias("table"),
        F.when(refused, REFUSED).otherwise(WARNING).alias("severity"),
        *("reason", "id", "student_id"),
        F.when(refused, record).alias("record"),
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
    student_lines = spark.read.text(arguments.students, lineSep="\n")
    grade_lines = spark.read.text(arguments.grades, lineSep="\n")
    students = judge_students(student_lines)
    if may_repeat_keys(student_lines):
        students = refuse_repeated_keys(students)
    students = students.cache()
    # Grades are read three times and not kept: to build a cache of so many rows takes longer than to read them.
    reader = spark.read.schema(reading_schema(GRADES)).options(**CSV, lineSep="\n")
    grades = judge_grades(reader.csv(arguments.grades))
    if may_repeat_keys(grade_lines):
        grades = refuse_repeated_keys(grades)
    output = presentation(students, averages(grades))
    replace_folder(spark, arguments.output_uri, lambda uri: output.write.mode("overwrite").text(uri, lineSep="\n"))
    ids = students.where("problem IS NULL").select("student_id")
    all_grades = refuse_unknown_students(grades, ids)
    for table, schema, judged in (("students", STUDENTS, students), ("grades", GRADES, all_grades)):
        found = quarantine(judged, table, schema).coalesce(1).cache()
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
