"""What goes wrong is told where a person looks, and what is killed in the middle comes out right."""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request

import pytest
from jobs import sensor_log, yarn_states
from live import DAG, PATIENCE, Kill, Killed, Live
from polling import poll_until

STUDENTS, PUBLIC = "Students with their average grade", "Students from staging to public"
WAITING_JOB = """
import time
from pyspark.sql import SparkSession
SparkSession.builder.appName("waits to be cancelled").getOrCreate()
time.sleep(3600)
"""


# What is told


def test_a_failing_step_shows_its_reason_in_the_sensor_and_its_logs_in_s3(live: Live, run_id: str, job):
    job("spark/students.py", 'raise SystemExit("the averages are beyond hope")\n')
    since = len(live.steps())
    broken = live.start_pipeline()
    assert live.ended(broken) == "failed"
    states = {step["Name"]: step["Status"]["State"] for step in live.steps()[since:]}
    assert (states[STUDENTS], states[PUBLIC], states["Marts"]) == ("FAILED", "CANCELLED", "CANCELLED")
    assert live.tasks(broken)["prove"] == ["upstream_failed"]
    failed = next(step for step in live.steps()[since:] if step["Name"] == STUDENTS)
    details = failed["Status"]["FailureDetails"]
    log = sensor_log(live, DAG, broken, STUDENTS)
    for told in (details["Message"], log):
        assert "the averages are beyond hope" in told
    assert details["LogFile"] in log
    assert "was cancelled" in sensor_log(live, DAG, broken, PUBLIC)
    logs_are_kept(live, details["LogFile"])


def logs_are_kept(live: Live, uri: str) -> None:
    """All four logs of the failed step are beside the one that its details point to, and that one says why.

    A PySpark job in client mode writes its errors to stdout.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = live.stack.aws("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key.rpartition("/")[0])["Contents"]
    assert {o["Key"].rpartition("/")[2] for o in found} == {"controller.gz", "syslog.gz", "stdout.gz", "stderr.gz"}
    log = gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert b"the averages are beyond hope" in log


def test_a_spark_step_that_is_cancelled_takes_its_yarn_application_along(live: Live, job):
    step = {
        "Name": "waits to be cancelled",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", job("tests/wait.py", WAITING_JOB)]},
    }
    (step_id,) = live.stack.emr.add_job_flow_steps({"JobFlowId": live.cluster, "Steps": [step]})["StepIds"]
    tag = f"{live.cluster}.{step_id}".lower()

    poll_until(lambda: yarn_states(live, tag) == ["RUNNING"], "the step's application to run", 180)
    live.stack.emr.cancel_steps(
        {"ClusterId": live.cluster, "StepIds": [step_id], "StepCancellationOption": "TERMINATE_PROCESS"}
    )
    (ended,) = live.stack.emr.wait_for_steps(live.cluster, [step_id])
    assert ended["Status"]["State"] == "CANCELLED"
    # The step has ended when its application has.
    assert yarn_states(live, tag) == ["KILLED"]


def test_a_server_that_is_away_is_told_in_the_language_of_its_clients(live: Live):
    page = f"http://127.0.0.1:{live.stack.environment['SPARK_HISTORY_PORT']}/"
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    call = urllib.request.Request(
        live.stack.aws_url, b"{}", target
    )  # moto's; unsigned, which it refuses when it is well
    for service, request, words in (
        ("sparkhistory", page, "Spark's history is being started. Try again in a moment."),
        ("moto", call, "ServiceUnavailableException"),
    ):
        live.kill(service)
        _, said = poll_until(lambda request=request: refused(request, 503), f"{service} to be away")
        assert words in said
        live.well_again(service)
        assert not refused(request, 503)


def refused(request: urllib.request.Request | str, status: int) -> tuple[int, str] | None:
    """Status and text of an answer with that status; None for any other."""
    try:
        with urllib.request.urlopen(request, timeout=30):
            return None
    except urllib.error.HTTPError as error:
        return (error.code, error.read().decode()) if error.code == status else None


# What is killed


@pytest.fixture(scope="module")
def killed(live: Live, run_id: str) -> Killed:
    """One run in which the endpoint, Airflow's scheduler and HiveServer2 are killed, each while it is needed."""

    def proof_runs(live: Live, run_id: str, since: int) -> None:
        poll_until(lambda: live.tasks(run_id).get("prove", [""])[0] == "running", "the proof to begin", PATIENCE)

    return live.run_killing(
        Kill("aws", lambda live, _, since: live.step_runs(STUDENTS, since)),
        Kill("airflow", lambda live, _, since: live.step_runs(PUBLIC, since), "airflow scheduler"),
        Kill("hiveserver2", proof_runs),
    )


def test_kill_9_of_the_endpoint_loses_no_step(killed: Killed):
    assert [step["Status"]["State"] for step in killed.steps] == ["COMPLETED"] * 13
    assert len({step["Id"] for step in killed.steps}) == 13


def test_kill_9_of_the_scheduler_goes_on_where_it_was(live: Live, killed: Killed):
    assert len(killed.steps) == 13, "the steps were added once"
    assert live.tasks(killed.run_id)["add_steps"] == ["success"]


def test_kill_9_of_hiveserver2_while_it_proves_is_made_good(live: Live, killed: Killed):
    assert killed.state == "success", live.tasks(killed.run_id)
    proof = next(t for t in live.stack.airflow.tasks(DAG, killed.run_id) if t["task_id"] == "prove")
    assert proof["try_number"] > 1, "it was killed when the proof had ended"
    live.proven()
