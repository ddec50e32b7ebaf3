"""Every kind of step that EMR has, on the real servers, and what each leaves."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from jobs import yarn_states
from live import Live

JARS = "/usr/lib/hadoop-mapreduce/hadoop-streaming.jar"
REQUEST = {
    "Name": "steps",
    "ReleaseLabel": "emr-7.13.0",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}
BOOT = """#!/bin/bash
echo "$(whoami) $1" > ~/booted
"""
MODULE = "def answer():\n    return 41 + 1\n"
JOB = """
import sys
from pyspark import SparkContext
from pyspark.sql import SparkSession
from helper import answer
spark = SparkSession.builder.getOrCreate()
assert spark.conf.get("spark.submit.deployMode") == "cluster"
assert spark.conf.get("spark.lab.colour") == "blue"
made = spark.sparkContext.range(3).map(lambda number: number + answer())
spark.createDataFrame(made.map(lambda number: (number,)), "number long").coalesce(1).write.csv(sys.argv[1])
"""
SCRIPT = """
DROP TABLE IF EXISTS ${NAME};
CREATE TABLE ${NAME} AS SELECT 'x' AS word;
SELECT concat(word, '${hiveconf:lab.colour}') FROM ${NAME};
DROP TABLE ${NAME};
"""


class Steps:
    """A cluster with a bootstrap action, and a folder of the bucket for what its steps read and write."""

    def __init__(self, live: Live, **more: Any) -> None:
        self.live, self.emr, self.s3 = live, live.stack.emr, live.stack.aws("s3")
        self.bucket = live.stack.settings.bucket
        self.folder = f"s3://{self.bucket}/steps-test"
        boot = {"Path": self.put("boot.sh", BOOT), "Args": ["with an argument"]}
        request = {
            **REQUEST, **more, "LogUri": f"{self.folder}/logs",
            "BootstrapActions": [{"Name": "boot", "ScriptBootstrapAction": boot}],
        }  # fmt: skip
        self.cluster = str(self.emr.run_job_flow(request)["JobFlowId"])
        self.emr.wait_for_cluster(self.cluster, ["WAITING", "TERMINATED_WITH_ERRORS"], 180)

    def put(self, name: str, content: str | bytes) -> str:
        body = content if isinstance(content, bytes) else content.encode()
        self.s3.put_object(Bucket=self.bucket, Key=f"steps-test/{name}", Body=body)
        return f"{self.folder}/{name}"

    def run(self, *args: str, jar: str = "command-runner.jar", **more: Any) -> str:
        """Run a step that has to end well; returns its stdout."""
        step = {"Name": "kind", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": jar, "Args": [*args], **more}}
        (step_id,) = self.emr.add_job_flow_steps({"JobFlowId": self.cluster, "Steps": [step]})["StepIds"]
        (ended,) = self.emr.wait_for_steps(self.cluster, [step_id])
        assert ended["Status"]["State"] == "COMPLETED", (ended, self.log(step_id, "stderr")[-3000:])
        return self.log(step_id, "stdout")

    def log(self, step_id: str, name: str) -> str:
        key = f"steps-test/logs/{self.cluster}/steps/{step_id}/{name}.gz"
        return gzip.decompress(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()).decode()

    def read(self, prefix: str) -> str:
        """All objects under a folder of the tests, one after the other."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"steps-test/{prefix}/part-")["Contents"]
        return "".join(self.s3.get_object(Bucket=self.bucket, Key=o["Key"])["Body"].read().decode() for o in found)

    def end(self) -> None:
        self.emr.terminate_job_flows({"JobFlowIds": [self.cluster]})
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="steps-test/")
        for page in pages:
            for one in page.get("Contents", []):
                self.s3.delete_object(Bucket=self.bucket, Key=one["Key"])


@pytest.fixture(scope="module")
def steps(live: Live) -> Iterator[Steps]:
    made = Steps(live)
    yield made
    made.end()


def test_bootstrap_actions_and_steps_run_as_hadoop_and_share_a_home(steps: Steps) -> None:
    assert steps.run("bash", "-c", "whoami; cat ~/booted") == "hadoop\nhadoop with an argument\n"


def test_script_runner_by_its_regional_address(steps: Steps) -> None:
    script = steps.put("script.sh", '#!/bin/bash\necho "got $1"\n')
    jar = "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar"
    assert steps.run(script, "it", jar=jar) == "got it\n"


def test_spark_in_cluster_mode_with_modules_from_s3(steps: Steps) -> None:
    steps.run(
        "spark-submit", "--deploy-mode", "cluster", "--conf", "spark.lab.colour=blue",
        "--py-files", steps.put("helper.py", MODULE), steps.put("job.py", JOB), f"{steps.folder}/numbers",
    )  # fmt: skip
    assert sorted(steps.read("numbers").split()) == ["42", "43", "44"]


def test_a_hive_script_from_s3_with_definitions(steps: Steps) -> None:
    script = steps.put("script.hql", SCRIPT)
    said = steps.run(
        "hive-script", "--run-hive-script", "--args", "-f", script, "-d", "NAME=steps_test",
        "--hiveconf", "lab.colour=blue",
    )  # fmt: skip
    assert said == "xblue\n"


STREAM = ("-D", "mapreduce.job.reduces=1", "-mapper", "cat", "-reducer", "uniq -c")


def test_hadoop_streaming_over_s3(steps: Steps) -> None:
    steps.put("words/part-1", "b\na\nb\n")
    steps.run(
        "hadoop-streaming", *STREAM, "-input", f"{steps.folder}/words", "-output", f"{steps.folder}/counted"
    )  # fmt: skip
    assert [line.split() for line in steps.read("counted").splitlines()] == [["1", "a"], ["2", "b"]]


def test_a_jar_of_ones_own_from_s3_with_main_class_and_properties(steps: Steps) -> None:
    """Hadoop's own streaming jar stands for the user's, without the main class that it names itself."""
    content = steps.live.compose.exec_in_container(["sh", "-c", f"base64 -w0 {JARS}"], "master")[0]
    own = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(content))) as source, zipfile.ZipFile(own, "w") as target:
        for entry in source.infolist():
            if entry.filename != "META-INF/MANIFEST.MF":
                target.writestr(entry, source.read(entry))
    jar = steps.put("own.jar", own.getvalue())
    steps.put("lines/part-1", "one\ntwo\n")
    steps.run(
        "-mapper", "cat", "-input", f"{steps.folder}/lines", "-output", f"{steps.folder}/mapped", jar=jar,
        MainClass="org.apache.hadoop.streaming.HadoopStreaming",
        Properties=[{"Key": "mapreduce.job.reduces", "Value": "0"}],
    )  # fmt: skip
    assert sorted(steps.read("mapped").split()) == ["one", "two"]


def test_s3_dist_cp_both_ways(steps: Steps) -> None:
    steps.put("lines/part-1", "one\ntwo\n")
    steps.run("s3-dist-cp", f"--src={steps.folder}/lines", "--dest=hdfs:///tmp/steps-test")
    steps.run("s3-dist-cp", "--src=hdfs:///tmp/steps-test", f"--dest={steps.folder}/back", "--deleteOnSuccess")
    assert steps.read("back") == "one\ntwo\n"
    assert steps.run("bash", "-c", "hdfs dfs -ls -R /tmp/steps-test | grep -c part- || true") == "0\n"


def test_sqoop_imports_a_table_of_the_erp_on_a_release_that_has_it(live: Live, steps: Steps) -> None:
    old = Steps(live, ReleaseLabel="emr-5.32.0", Applications=[{"Name": "Sqoop"}])
    try:
        old.run(
            "sqoop", "import", "--connect", "jdbc:postgresql://postgres:5432/ERP", "--username", "erp_unloader",
            "--password-file", old.put("password", live.stack.environment["ERP_UNLOADER_PASSWORD"]),
            "--table", "campuses", "-m", "1", "--target-dir", "hdfs:///tmp/steps-test-sqoop", "--delete-target-dir",
        )  # fmt: skip
        imported = old.run(
            "bash", "-c", "hdfs dfs -cat '/tmp/steps-test-sqoop/part-m-*'; hdfs dfs -rm -r /tmp/steps-test-sqoop >&2"
        )
    finally:
        old.emr.terminate_job_flows({"JobFlowIds": [old.cluster]})
    rows = live.sh("postgres", "psql -AtF, ERP -c 'TABLE campuses'")
    assert sorted(imported.splitlines()) == sorted(rows.splitlines())
    assert yarn_states(live, old.cluster.lower()) == ["FINISHED"]
