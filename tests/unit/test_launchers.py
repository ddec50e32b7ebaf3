"""How `spark-submit` and `hive-script` of a step become Spark's own commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.embedded.commands.spark_submit import adapt
from lakelab.errors import LabError
from lakelab.storage import FolderStorage
from services.hadoop.commands.hive_options import shell_arguments

OURS = Path("/conf/spark.properties")


def test_the_lab_settings_come_first_and_the_job_is_untouched():
    kept, dropped = adapt(["--py-files", "s3://b/z.zip", "s3://b/job.py", "--master", "x"], OURS)
    assert kept == [
        *("--properties-file", "/conf/spark.properties", "--py-files", "s3://b/z.zip"),
        *("s3://b/job.py", "--master", "x"),
    ]
    assert dropped == []


def test_what_needs_yarn_is_left_out_and_told():
    kept, dropped = adapt(
        ["--master", "yarn", "--deploy-mode=cluster", "--conf", "spark.master=yarn", "--verbose", "job.py"], OURS
    )
    assert kept == ["--properties-file", "/conf/spark.properties", "--verbose", "job.py"]
    assert dropped == ["--master yarn", "--deploy-mode cluster", "--conf spark.master=yarn"]


def test_other_settings_are_kept():
    kept, _ = adapt(["--conf", "spark.sql.shuffle.partitions=8", "--executor-memory", "2g", "job.py"], OURS)
    assert kept[2:] == ["--conf", "spark.sql.shuffle.partitions=8", "--executor-memory", "2g", "job.py"]


def test_a_properties_file_of_the_user_is_merged(tmp_path):
    mine = tmp_path / "mine.conf"
    mine.write_text("# a comment\nspark.a  1\n\nspark.b two words\n")
    kept, _ = adapt(["--properties-file", str(mine), "job.py"], OURS)
    assert kept[2:] == ["--conf", "spark.a=1", "--conf", "spark.b=two words", "job.py"]


@pytest.fixture
def storage(tmp_path):
    found = FolderStorage(tmp_path / "lab")
    found.create_bucket("b")
    found.write("s3://b/q.hql", b"select 1;")
    return found


def test_a_script_in_s3_is_fetched(storage, tmp_path):
    arguments = ["--run-hive-script", "--args", "-f", "s3://b/q.hql", "-d", "DAY=2026-01-01", "--hiveconf", "x=y"]
    assert shell_arguments(arguments, storage, tmp_path) == [
        *("-f", str(tmp_path / "q.hql"), "--hivevar", "DAY=2026-01-01", "--hiveconf", "x=y")
    ]
    assert (tmp_path / "q.hql").read_bytes() == b"select 1;"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "s3://b/none.hql"], "no such script"),
        (["--run-hive-script"], "no script given"),
        (["-f"], "needs a value"),
        (["--unknown", "x", "-f", "s3://b/q.hql"], "unknown option --unknown"),
    ],
)
def test_what_cannot_be_run_is_one_line(storage, tmp_path, arguments, message):
    with pytest.raises(LabError, match=message):
        shell_arguments(arguments, storage, tmp_path)
