"""Logs of a step, the cause of a failure, what is hidden, and what a JAR means."""

from __future__ import annotations

import gzip
import re

import pytest
from emr_lab import MINIMAL, NODES, Emr, shell, step
from polling import poll_until

from services.aws.emr.failure import cause, printable


def published(emr: Emr, cluster: str, step_id: str, name: str) -> str:
    with emr.storage.open(f"s3://logs/{cluster}/steps/{step_id}/{name}.gz") as stream:
        return gzip.decompress(stream.read()).decode()


def test_the_four_logs_are_published_when_a_step_ends_whatever_its_end(emr: Emr) -> None:
    cluster = emr.cluster()
    good, bad = emr.add(cluster, shell("echo out; echo err >&2", name="good"), shell("echo half; exit 9", name="bad"))
    emr.ended(cluster)

    assert published(emr, cluster, good, "stdout") == "out\n"
    assert published(emr, cluster, good, "stderr") == "err\n"
    assert published(emr, cluster, good, "syslog") == ""
    controller = published(emr, cluster, good, "controller").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARN|ERROR) ", line) for line in controller)
    assert controller[0].endswith(f'INFO Step {good} "good" of cluster {cluster}: command-runner.jar')
    assert controller[1].endswith("INFO Running: bash -c 'echo out; echo err >&2'")
    assert re.search(r"INFO Process ended with exit code 0 after \d+\.\d{3} s$", controller[2])
    assert controller[-1].endswith("INFO Step succeeded")
    assert published(emr, cluster, bad, "stdout") == "half\n"
    assert (
        published(emr, cluster, bad, "controller")
        .splitlines()[-1]
        .endswith("ERROR Step failed: Exited with code 9: half")
    )
    assert not emr.executor.folder(cluster, good).exists()
    assert emr.engine.step_log(cluster, good, "stdout") == b"out\n"


def test_a_log_can_be_read_while_the_step_runs(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    (step_id,) = emr.add(cluster, shell(f"echo so far; {gate.wait}; echo then"))
    gate.reached()

    assert emr.engine.step_log(cluster, step_id, "stdout") == b"so far\n"

    gate.open()
    emr.ended(cluster)
    assert emr.engine.step_log(cluster, step_id, "stdout") == b"so far\nthen\n"


def test_without_a_log_folder_the_logs_stay_with_the_engine(emr: Emr) -> None:
    answer = emr.engine.run_job_flow({**MINIMAL, "Instances": {**NODES, "KeepJobFlowAliveWhenNoSteps": True}})
    cluster = answer["JobFlowId"]
    (step_id,) = emr.add(cluster, shell("echo kept; exit 1"))

    details = emr.ended(cluster)[0]["FailureDetails"]

    assert "LogFile" not in details
    assert emr.engine.step_log(cluster, step_id, "stdout") == b"kept\n"
    assert "LogUri" not in emr.engine.describe_cluster({"ClusterId": cluster})["Cluster"]


def test_a_cancelled_steps_logs_are_published_too(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    (step_id,) = emr.add(cluster, shell(f"echo begun; {gate.wait}"))
    gate.reached()
    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [step_id]})
    emr.ended(cluster)

    assert published(emr, cluster, step_id, "stdout") == "begun\n"
    assert published(emr, cluster, step_id, "controller").splitlines()[-1].endswith("WARN Step was cancelled")


def test_failure_details_name_the_cause_and_the_log(emr: Emr) -> None:
    cluster = emr.cluster()
    emr.storage.write("s3://logs/job.py", b"def f():\n    raise ValueError('no such column: grade')\nf()\n")
    (step_id,) = emr.add(cluster, shell(f"exec python3 {emr.root}/s3/logs/job.py"))

    assert emr.ended(cluster)[0]["FailureDetails"] == {
        "Reason": "Exited with code 1",
        "Message": "ValueError: no such column: grade",
        "LogFile": f"s3://logs/{cluster}/steps/{step_id}/stderr.gz",
    }


PY4J = """26/07/01 10:00:00 INFO SparkContext: Running Spark version 3.5.9
Traceback (most recent call last):
  File "/x/students.py", line 3, in <module>
    frame.write.csv(uri)
py4j.protocol.Py4JJavaError: An error occurred while calling o46.csv.
: org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.taskFailed(QueryExecutionErrors.scala:1)
\t... 12 more

26/07/01 10:00:01 INFO ShutdownHookManager: Shutdown hook called
"""
CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
lakelab.errors.LabError: table grades is empty (stage): unload it again
"""


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (PY4J, "py4j.protocol.Py4JJavaError: An error occurred while calling o46.csv. "
               "org.apache.spark.SparkException: Job aborted."),
        (CHAINED, "lakelab.errors.LabError: table grades is empty (stage): unload it again"),
        ('Exception in thread "main" org.apache.spark.SparkException: no class\n\tat x.Y(Z.java)\n'
         "26/07/01 10:00:01 INFO ShutdownHookManager: Shutdown hook called\n",
         'Exception in thread "main" org.apache.spark.SparkException: no class'),
        ("progress\ns3-dist-cp: source s3://b/x does not exist\n26/07/01 10:00:01 WARN Late: one\n\n",
         "s3-dist-cp: source s3://b/x does not exist"),
        ("26/07/01 10:00:01 INFO only logs\n", ""),
        ("", ""),
        ("x" * 5000, "x" * 1000),
    ],
)  # fmt: skip
def test_the_cause_is_found_among_the_noise(stderr: str, message: str) -> None:
    assert cause(stderr)[0] == message


def test_a_python_job_of_spark_says_why_on_stdout() -> None:
    assert cause("26/07/01 10:00:01 WARN Utils: a name\nbye\n", CHAINED) == (
        "lakelab.errors.LabError: table grades is empty (stage): unload it again",
        "stdout",
    )
    assert cause("bye\n", "rows: 5\n") == ("bye", "stderr")


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["--password", "hunter2", "x"], ["--password", "****", "x"]),
        (["--password=hunter2"], ["--password=****"]),
        (["--conf", "spark.hadoop.fs.s3a.secret.key=abc"], ["--conf", "spark.hadoop.fs.s3a.secret.key=****"]),
        (["-Daws.accessKeyId=abc"], ["-Daws.accessKeyId=****"]),
        (["DB_TOKEN=t", "run"], ["DB_TOKEN=****", "run"]),
        (["--pseudonym_key", "s3://b/keys/p.key"], ["--pseudonym_key", "s3://b/keys/p.key"]),
        (["--pseudonym_key", "0badcafe"], ["--pseudonym_key", "****"]),
        (["jdbc:postgresql://erp:pw@host/ERP"], ["jdbc:postgresql://erp:****@host/ERP"]),
        (["AKIAABCDEFGHIJKLMNOP"], ["****"]),
        (["--src=s3://b/x", "--dest", "/y"], ["--src=s3://b/x", "--dest", "/y"]),
        (["--password", "--next"], ["--password", "--next"]),
    ],
)
def test_what_looks_secret_is_not_printed(argv: list[str], shown: list[str]) -> None:
    assert printable(argv) == shown


def test_the_controller_log_hides_secrets_and_the_engines_folders(emr: Emr) -> None:
    cluster = emr.cluster()
    emr.storage.write("s3://logs/run.sh", b'#!/bin/sh\necho "$2"\n')
    (step_id,) = emr.add(cluster, step("s3://logs/run.sh", "--token", "t0p", jar="script-runner.jar"))
    emr.ended(cluster)

    controller = published(emr, cluster, step_id, "controller")
    assert "Running: run.sh --token '****'" in controller
    assert "t0p" not in controller
    assert str(emr.root) not in controller
    assert published(emr, cluster, step_id, "stdout") == "t0p\n"


@pytest.mark.parametrize(
    "jar", ["script-runner.jar", "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar"]
)
def test_script_runner_runs_scripts_from_s3_and_of_this_machine(emr: Emr, jar: str) -> None:
    cluster = emr.cluster()
    emr.storage.write("s3://logs/with.sh", b'#!/usr/bin/env bash\necho "$0 $1" | sed "s:.*/::"\n')
    local = emr.root / "without.sh"
    local.write_text('echo "$1" two')

    ids = emr.add(cluster, step("s3://logs/with.sh", "one", jar=jar), step(str(local), "one", jar=jar))

    assert [status["State"] for status in emr.ended(cluster)] == ["COMPLETED", "COMPLETED"]
    assert [published(emr, cluster, i, "stdout") for i in ids] == ["with.sh one\n", "one two\n"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (step(), "command-runner.jar needs a command in Args"),
        (step("spark-submit job.py"), 'Cannot run program "spark-submit job.py": Args is a list with one item'),
        (step(jar="script-runner.jar"), "script-runner.jar needs the address of a script in Args"),
        (step("s3://logs/none.sh", jar="script-runner.jar"), "s3://logs/none.sh does not exist"),
        (step("s3://nowhere/x.sh", jar="script-runner.jar"), "bucket nowhere does not exist"),
        (
            step("x", jar="s3://logs/own.jar"),
            "runs command-runner.jar and script-runner.jar only, not s3://logs/own.jar",
        ),
        (step("x", jar="s3://logs/command-runner.jar"), "not s3://logs/command-runner.jar"),
    ],
)
def test_a_step_that_cannot_be_run_fails_and_says_why(emr: Emr, config: dict, message: str) -> None:
    cluster = emr.cluster()
    (step_id,) = emr.add(cluster, config)

    status = emr.ended(cluster)[0]

    assert status["State"] == "FAILED"
    assert status["FailureDetails"]["Reason"] == "The step could not be run"
    assert message in status["FailureDetails"]["Message"]
    assert message in published(emr, cluster, step_id, "controller")


def test_a_program_that_does_not_exist_is_named(emr: Emr) -> None:
    cluster = emr.cluster()

    details = emr.run(cluster, step("spark-sumbit", "job.py"))[0]["FailureDetails"]

    assert details["Reason"] == "Exited with code 127"
    assert details["Message"] == 'Cannot run program "spark-sumbit": No such file or directory'


def test_a_step_whose_folder_cannot_be_written_fails_and_the_engine_goes_on(emr: Emr) -> None:
    cluster = emr.cluster()
    blocked = emr.root / "emr" / "steps" / cluster
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder should be")

    details = emr.run(cluster, shell("true"))[0]["FailureDetails"]
    blocked.unlink()

    assert "the step's folder cannot be written" in details["Message"]
    assert emr.run(cluster, shell("true"))[0]["State"] == "COMPLETED"
    poll_until(lambda: emr.states(cluster) == ["FAILED", "COMPLETED"], "both steps")
