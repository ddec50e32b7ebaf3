"""What goes wrong is told where a person looks, and what is killed in the middle comes out right."""

from __future__ import annotations

import gzip

import pytest
from live import DAG, ENDED, PATIENCE, Live
from polling import poll_until

SPARK = "Students with their average grade"
FIRST = "Copy campuses to HDFS"
MARTS = "Marts"


def sensor_log(live: Live, run_id: str, state: str) -> str:
    """The log of the first sensor in that state."""
    task = next(t for t in live.stack.airflow.tasks(DAG, run_id) if t["task_id"] == "step" and t["state"] == state)
    path = f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/step/logs/{task['try_number']}"
    return str(live.stack.airflow.call("GET", path, map_index=str(task["map_index"])))


def proven(live: Live) -> None:
    """Every table is the same in the three tiers."""
    out = live.succeed("verify", "--stack")
    assert "✗" not in out
    assert out.count("✓") == 11


@pytest.fixture
def broken_job(live: Live):
    """`marts.py` in the bucket ends with an error, for the length of a test."""
    s3, bucket, key = live.stack.aws("s3"), live.stack.settings.bucket, "spark/marts.py"
    whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=b'raise SystemExit("the mart of hopes has no rows")\n')
    yield
    s3.put_object(Bucket=bucket, Key=key, Body=whole)


@pytest.mark.usefixtures("run_id", "broken_job")
def test_a_failing_step_shows_its_reason_in_the_sensor_and_its_logs_in_s3(live: Live):
    run_id = live.start_pipeline()
    assert live.ended(run_id) == "failed"
    failed = live.steps()[-1]
    assert (failed["Name"], failed["Status"]["State"]) == (MARTS, "FAILED")
    details = failed["Status"]["FailureDetails"]
    assert "the mart of hopes has no rows" in details["Message"]
    log = sensor_log(live, run_id, "failed")
    assert "the mart of hopes has no rows" in log
    assert details["LogFile"] in log
    bucket, _, key = details["LogFile"].removeprefix("s3://").partition("/")
    folder = key.rpartition("/")[0]
    s3 = live.stack.aws("s3")
    names = {o["Key"].rpartition("/")[2] for o in s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]}
    assert names == {"controller.gz", "syslog.gz", "stdout.gz", "stderr.gz"}
    # Where the details point to: a PySpark job in client mode writes its errors to stdout.
    log_file = gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert b"the mart of hopes has no rows" in log_file
    assert live.tasks(run_id)["prove"] == ["upstream_failed"]


def test_the_next_run_after_a_failure_ends_well(live: Live, run_id: str):
    again = live.start_pipeline()
    assert live.ended(again) == "success"
    proven(live)


def test_kill_9_of_the_endpoint_loses_no_step(live: Live, run_id: str):
    since = len(live.steps())
    again = live.start_pipeline()
    live.step_runs(SPARK, since)
    live.kill("aws")
    live.well_again("aws")
    assert live.ended(again) == "success", live.tasks(again)
    steps = live.steps()[since:]
    assert [step["Status"]["State"] for step in steps] == ["COMPLETED"] * 13
    assert len({step["Id"] for step in steps}) == 13
    proven(live)


def test_kill_9_of_a_nodemanager_is_repaired_by_yarn_or_told(live: Live, run_id: str):
    since = len(live.steps())
    again = live.start_pipeline()
    live.step_runs(SPARK, since)
    live.kill("nodemanager")
    live.well_again("nodemanager")
    if live.ended(again) == "failed":  # its containers were lost: the step says so, and a new run ends well
        failed = next(step for step in live.steps()[since:] if step["Status"]["State"] == "FAILED")
        assert failed["Status"]["FailureDetails"]["Message"]
        again = live.start_pipeline()
        assert live.ended(again) == "success", live.tasks(again)
    proven(live)


def test_kill_9_of_hiveserver2_while_it_proves_is_made_good(live: Live, run_id: str):
    again = live.start_pipeline()
    poll_until(lambda: live.tasks(again).get("prove", [""])[0] == "running", "the proof to begin", PATIENCE)
    live.kill("hiveserver2")
    live.well_again("hiveserver2")
    assert live.ended(again) == "success", live.tasks(again)
    proven(live)


def test_kill_9_of_the_scheduler_goes_on_where_it_was(live: Live, run_id: str):
    since = len(live.steps())
    again = live.start_pipeline()
    live.step_runs(FIRST, since)
    live.kill("airflow", "airflow scheduler")
    live.well_again("airflow")
    assert live.ended(again) == "success", live.tasks(again)
    assert len(live.steps()) - since == 13, "the steps were added once"
    proven(live)


def test_a_cancelled_step_is_told_as_such(live: Live, run_id: str):
    since = len(live.steps())
    again = live.start_pipeline()
    step = live.step_runs(SPARK, since)
    live.stack.emr.cancel_steps(
        {"ClusterId": live.cluster, "StepIds": [step], "StepCancellationOption": "TERMINATE_PROCESS"}
    )
    assert live.ended(again) == "failed"
    states = {s["Name"]: s["Status"]["State"] for s in live.steps()[since:]}
    assert states[SPARK] == "CANCELLED"
    assert "cancelled" in sensor_log(live, again, "failed")
    assert live.state(again) in ENDED
