"""The step files that Airflow sends to AWS, and the script that makes the warehouse's folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from aws_model import check_input

from lakelab.catalogue import TABLES

ROOT = Path(__file__).parents[2]
BUCKET = "5data-bucket"


def rendered(name: str) -> list[dict]:
    """The file as Airflow renders it: `var.value` holds the Airflow variables."""
    text = (ROOT / "dags" / "EMR" / name).read_text()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    return json.loads(environment.from_string(text).render(var={"value": {"bucket_name": BUCKET}}))


def commands(steps: list[dict]) -> list[list[str]]:
    return [step["HadoopJarStep"]["Args"] for step in steps]


@pytest.mark.parametrize("name", ["steps.json", "setup_steps.json"])
def test_aws_would_take_the_steps(name: str) -> None:
    steps = rendered(name)

    check_input("AddJobFlowSteps", {"JobFlowId": "j-ABCDEFGHIJKLM", "Steps": steps})

    assert {step["ActionOnFailure"] for step in steps} == {"CANCEL_AND_WAIT"}
    assert len({step["Name"] for step in steps}) == len(steps)


def test_each_table_of_the_catalogue_is_brought_into_the_warehouse_once() -> None:
    copies = [args for args in commands(rendered("steps.json")) if args[0] == "s3-dist-cp"]

    assert sorted(copies) == sorted(
        [
            "s3-dist-cp",
            f"--src=s3://{BUCKET}/stage/{table.name}.csv",
            f"--dest={table.presentation}/{table.name}.csv",
        ]
        for table in TABLES
        if table.name != "students"
    )


def test_the_spark_steps_follow_the_copies_in_order() -> None:
    steps = rendered("steps.json")

    students, extract, marts = commands(steps)[-3:]

    assert len(steps) == len(TABLES) - 1 + 3
    assert students == [
        "spark-submit", f"s3://{BUCKET}/spark/students.py", "--students", f"s3://{BUCKET}/stage/students.csv",
        "--grades", f"s3://{BUCKET}/stage/grades.csv", "--output_uri", "hdfs:///dev/data/ERP/STUDENTS",
    ]  # fmt: skip
    assert extract[:4] == [
        "spark-submit", "--py-files", f"s3://{BUCKET}/spark/lakelab.zip",
        f"s3://{BUCKET}/spark/extract_students_staging_to_public.py",
    ]  # fmt: skip
    assert marts[3:] == [f"s3://{BUCKET}/spark/marts.py", "--database", "data_dev_5data"]


def test_the_set_up_makes_the_folders_and_then_the_tables() -> None:
    folders, tables = rendered("setup_steps.json")

    assert folders["HadoopJarStep"] == {
        "Jar": "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar",
        "Args": [f"s3://{BUCKET}/hive/0_mkdirs_hdfs.sh"],
    }
    assert tables["HadoopJarStep"]["Args"][-2:] == ["-f", f"s3://{BUCKET}/hive/1_tables.hql"]
    for name in ("0_mkdirs_hdfs.sh", "1_tables.hql"):
        assert (ROOT / "hive" / name).is_file()


def test_the_folder_script_makes_every_tables_folder_and_can_run_again(tmp_path: Path) -> None:
    env = {
        "LAB_HOME": str(tmp_path),
        "LAB_PYTHON": sys.executable,
        "PATH": f"{ROOT}/lab/embedded/bin:{os.environ['PATH']}",
    }

    for _ in range(2):
        subprocess.run([ROOT / "hive" / "0_mkdirs_hdfs.sh"], env=env, check=True)

    hdfs = tmp_path / "hdfs"
    for table in TABLES:
        assert (hdfs / table.presentation.lstrip("/")).is_dir()
        assert (hdfs / "dev/quarantine/ERP" / table.name).is_dir()
    assert (hdfs / "user/hive/warehouse").is_dir()
    assert (hdfs / "tmp").is_dir()
