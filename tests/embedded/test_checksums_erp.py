"""The same figures from Postgres, from the files of the stage and from Spark; every change is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from erp_server import Erp

from lab.embedded.java import find_java
from lakelab import checksums
from lakelab.catalogue import TABLES, table
from lakelab.checksums import Checksum
from lakelab.errors import LabError
from lakelab.render import unload_sql
from lakelab.unload import query_to_local

# Spark reads the files as strings, and runs the statement as it is. In a process of its own: one JVM a session.
SPARK = """
import json, sys
from pathlib import Path
from pyspark.sql import SparkSession
stage, statement = Path(sys.argv[1]), sys.stdin.read()
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
for path, columns in json.loads(sys.argv[2]).items():
    schema = ", ".join(f"`{name}` string" for name in columns)
    rows = spark.read.csv(str(stage / f"{path}.csv"), schema=schema, escape='"')
    rows.createOrReplaceGlobalTempView(f"{path}_csv")
print(json.dumps([list(row) for row in spark.sql(statement).collect()]))
spark.stop()
"""


def erp_checksums(erp: Erp) -> dict[str, Checksum]:
    connection = erp.unloader()
    try:
        return checksums.erp_checksums(connection)
    finally:
        connection.close()


def stage_checksums(stage: Path) -> dict[str, Checksum]:
    found = {}
    for each in TABLES:
        with (stage / f"{each.name}.csv").open("rb") as stream:
            found[each.name] = checksums.file_checksum(stream, each)
    return found


@pytest.fixture
def stage(loaded: Erp, tmp_path: Path) -> Path:
    """The small school's files as the unload writes them."""
    folder = tmp_path / "stage"
    for each in TABLES:
        query_to_local(each.name, unload_sql(each), folder / f"{each.name}.csv", connect=loaded.unloader)
    return folder


def test_the_erp_and_the_stage_agree(loaded: Erp, stage: Path) -> None:
    erp = erp_checksums(loaded)
    assert {name: each.rows for name, each in erp.items()} == {
        "campuses": 1, "companies": 1, "subjects": 2, "students": 3, "professors": 1, "lessons": 2,
        "attendances": 3, "grades": 3, "apprenticeships": 1, "events": 1, "audiences": 1,
    }  # fmt: skip
    assert stage_checksums(stage) == erp


def test_spark_agrees(loaded: Erp, stage: Path) -> None:
    java = find_java()
    done = subprocess.run(
        [sys.executable, "-c", SPARK, stage, json.dumps({each.name: each.column_names for each in TABLES})],
        input=checksums.all_hive_sql(database="global_temp"),
        env={**os.environ, "JAVA_HOME": str(java.home), "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    assert checksums.from_rows(rows) == erp_checksums(loaded)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("grades", "UPDATE grades SET grade = 62.1 WHERE id = 1"),
        ("grades", "UPDATE grades SET grade = NULL WHERE id = 1"),
        ("attendances", "UPDATE attendances SET present = NOT present WHERE id = 1"),
        ("grades", "DELETE FROM grades WHERE id = 3"),
        ("grades", "INSERT INTO grades SELECT 4, student_id, subject, date, grade FROM grades WHERE id = 3"),
        (
            "grades",
            "UPDATE grades g SET grade = o.grade FROM grades o WHERE g.id + o.id = 3",
        ),
        ("students", "UPDATE students SET first_name = last_name, last_name = first_name WHERE id = 1"),
        ("students", "UPDATE students SET exit_reason = 'EPITA', competing_school = 'moved' WHERE id = 3"),
        ("students", "UPDATE students SET competing_school = NULL, exit_reason = 'movedEPITA' WHERE id = 3"),
        ("students", "UPDATE students SET last_name = 'Back\\slash' || chr(10) WHERE id = 2"),
        ("students", "UPDATE students SET first_name = 'Zoé' WHERE id = 1"),
    ],
    ids=["cell", "null", "bool", "lost", "more", "swapped rows", "swapped columns", "swapped optional", "joined",
         "line break", "accent"],
)  # fmt: skip
def test_a_change_after_the_unload_is_found(loaded: Erp, stage: Path, name: str, change: str) -> None:
    loaded.execute(change)

    found = checksums.compare(erp_checksums(loaded), stage_checksums(stage), erp_checksums(loaded))

    assert [(each.table, each.where) for each in found] == [(name, "stage")]


def test_a_record_that_is_doubled_or_tripled_is_found(loaded: Erp, stage: Path) -> None:
    """Twice more would cancel itself in an exclusive or."""
    path = stage / "grades.csv"
    once = path.read_bytes()
    erp = erp_checksums(loaded)
    for times in (1, 2):
        path.write_bytes(once + once.splitlines(keepends=True)[0] * times)
        [found] = checksums.compare(erp, stage_checksums(stage), erp)
        assert str(found) == f"grades: stage has {3 + times} records, the ERP 3: {times} more"


def test_an_empty_table_has_a_checksum(loaded: Erp) -> None:
    loaded.execute("DELETE FROM audiences")
    assert erp_checksums(loaded)["audiences"] == Checksum(0, 0)


def test_a_missing_table_is_named(loaded: Erp) -> None:
    loaded.execute("ALTER TABLE audiences RENAME TO contacts")
    try:
        with pytest.raises(LabError, match=r"^table public.audiences does not exist in the ERP"):
            erp_checksums(loaded)
    finally:
        loaded.execute("ALTER TABLE contacts RENAME TO audiences")


def test_the_statement_of_one_table_is_part_of_the_whole(loaded: Erp) -> None:
    assert loaded.execute(checksums.postgres_sql(table("grades")))[0][0:2] == ("grades", 3)
    assert checksums.from_rows(loaded.execute(checksums.all_postgres_sql())) == erp_checksums(loaded)
