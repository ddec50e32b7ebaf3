"""`unload_erp` from end to end: what is in the ERP is in the stage, in HDFS and in Hive; and what it is good for."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from answers import generated_school, read_answers, require_answer, require_growth
from answers_sql import ANSWERS
from demo_lab import SEED, STUDENTS
from live import DAG, Live

from lakelab.database import connected

# Of the school of 1,500 students with seed number 7.
ROWS = {
    "campuses": 13,
    "companies": 114,
    "subjects": 28,
    "students": 1500,
    "professors": 54,
    "lessons": 10710,
    "attendances": 68528,
    "grades": 34780,
    "apprenticeships": 801,
    "events": 1408,
    "audiences": 6672,
}
STEPS = [
    *(f"Copy {table} to HDFS" for table in (
        "campuses", "companies", "subjects", "professors", "lessons", "attendances", "grades", "apprenticeships",
        "events", "audiences",
    )),
    "Students with their average grade",
    "Students from staging to public",
    "Marts",
]  # fmt: skip


@pytest.fixture(scope="module")
def erp(live: Live):
    with connected(live.stack.connecting()) as session, session.cursor() as cursor:

        def ask(sql: str):
            cursor.execute(sql)
            return cursor.fetchall()

        yield ask


@pytest.fixture(scope="module")
def hive(live: Live):
    with live.stack.warehouse() as warehouse:
        yield warehouse.rows


@pytest.fixture
def own_school(live: Live) -> None:
    values = live.stack.environment.values
    if (values["LAB_STUDENTS"], values["LAB_SEED"]) != (str(STUDENTS), str(SEED)):
        pytest.skip("the counts are those of the tests' own school: unset LAB_TEST_STACK")


def test_every_task_of_the_run_is_green(live: Live, run_id: str):
    tasks = live.tasks(run_id)
    assert {state for states in tasks.values() for state in states} == {"success"}
    assert {name for name in tasks if name.startswith("unload_")} == {f"unload_{table}" for table in ROWS}
    assert len(tasks["step"]) == len(STEPS)


@pytest.mark.usefixtures("own_school", "run_id")
def test_each_tier_has_exactly_the_records_of_the_school(live: Live, erp, hive):
    s3 = live.stack.aws("s3")
    bucket = live.stack.settings.bucket
    for table, rows in ROWS.items():
        assert erp(f"SELECT count(*) FROM public.{table}") == [(rows,)], table
        text = s3.get_object(Bucket=bucket, Key=f"stage/{table}.csv")["Body"].read().decode()
        assert sum(1 for _ in csv.reader(io.StringIO(text))) == rows, table
        assert hive(f"SELECT count(*) FROM {table}") == [(rows,)], table


@pytest.mark.usefixtures("run_id")
def test_sums_of_grades_and_texts_of_names_are_those_of_the_erp(erp, hive):
    sums = "SELECT count(*), sum(grade), min(grade), max(grade), count(DISTINCT student_id) FROM {}grades"
    assert [tuple(map(float, row)) for row in hive(sums.format(""))] == [
        tuple(map(float, row)) for row in erp(sums.format("public."))
    ]
    names = "SELECT id, name FROM {}companies ORDER BY id"
    assert hive(names.format("")) == erp(names.format("public."))


@pytest.mark.usefixtures("run_id")
def test_the_files_in_hdfs_are_the_files_of_the_stage(live: Live):
    s3, hdfs = live.stack.aws("s3"), live.stack.hdfs.client
    for table in ("campuses", "grades", "audiences"):
        staged = s3.get_object(Bucket=live.stack.settings.bucket, Key=f"stage/{table}.csv")["Body"].read()
        folder = f"/dev/data/ERP/{table.upper()}/{table}.csv"
        paths = (
            [f"{folder}/{name}" for name in hdfs.list(folder)] if hdfs.status(folder)["type"] != "FILE" else [folder]
        )
        found = b""
        for path in sorted(paths):
            with hdfs.read(path) as stream:
                found += stream.read()
        assert found == staged, table


@pytest.mark.usefixtures("run_id")
def test_verify_says_so_table_by_table(live: Live):
    out = live.succeed("verify", "--stack")
    assert out.count("✓") == len(ROWS)
    assert "✗" not in out


@pytest.mark.usefixtures("run_id")
def test_a_difference_is_found_and_named(live: Live):
    s3, bucket, key = live.stack.aws("s3"), live.stack.settings.bucket, "stage/campuses.csv"
    whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=whole.split(b"\n", 1)[1])
        done = live.lab("verify", "--stack")
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=whole)
    assert done.returncode == 1
    assert "campuses: stage has " in done.stderr
    assert "1 fewer" in done.stderr


@pytest.fixture(scope="module")
def report(live: Live, run_id: str) -> Path:
    return Path(live.succeed("report", "--stack").strip())


def test_the_report_is_made_from_the_stack(live: Live, report: Path):
    assert report == live.stack.environment.path.parent / ".lab-stack" / "report.html"
    record = json.loads(report.with_name("run.json").read_text())
    assert record["place"] == "stack"
    assert {t["table"] for t in record["tables"] if t["erp"] == t["stage"] == t["presentation"]} == set(ROWS)
    steps = [span["name"] for span in record["timeline"] if span["kind"] == "step"]
    assert steps == STEPS
    assert {span["state"] for span in record["timeline"]} == {"COMPLETED"}
    assert {"Airflow", "Hive", "Hadoop", "PostgreSQL"} <= set(record["versions"])


@pytest.mark.usefixtures("own_school")
def test_the_ten_answers_are_those_of_the_embedded_lab(report: Path, tmp_path: Path):
    """By HiveServer2 what tests/embedded/test_answers.py finds by Spark: both are held against the same files."""
    answers = read_answers(report.with_name("answers.json"))
    school = generated_school(tmp_path / "csv", STUDENTS, SEED)
    assert sorted(answers) == list(range(1, 11))
    for number in ANSWERS:
        require_answer(number, answers[number], school)
    require_growth(answers[10], school)


@pytest.mark.usefixtures("run_id")
def test_sql_from_the_command_line(live: Live, erp):
    out = live.succeed("sql", "--stack", "--csv", "select count(*) as n from students")
    assert out == f"n\n{erp('SELECT count(*) FROM public.students')[0][0]}\n"
    done = live.lab("sql", "--stack", "select nothing from nowhere")
    assert done.returncode == 1
    assert "Table not found 'nowhere'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("run_id")
def test_the_manifest_names_what_was_unloaded(live: Live, erp):
    uri = f"{live.stack.settings.stage_uri}/_manifest.json"
    with live.stack.storage.open(uri) as stream:
        manifest = json.load(stream)
    assert datetime.fromisoformat(manifest["date"]).year >= 2026
    assert json.dumps(manifest).count(".csv") == len(ROWS)


def test_a_run_for_another_scale_stops_before_it_touches_the_stage(live: Live, run_id: str):
    uri = f"{live.stack.settings.stage_uri}/_manifest.json"
    before = live.stack.storage.open(uri).read()
    other = live.start_pipeline(scale=12)
    assert live.ended(other) == "failed"
    assert live.stack.storage.open(uri).read() == before
    assert live.stack.airflow.last_run(DAG)["dag_run_id"] == other


def test_a_step_starts_within_a_second_of_its_being_added(live: Live):
    """PENDING, RUNNING, COMPLETED in this order. Less than a second on an idle machine; a busy one may take longer."""
    step = {
        "Name": "quick",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]},
    }
    took = []
    for _ in range(5):
        ids = live.stack.emr.add_job_flow_steps({"JobFlowId": live.cluster, "Steps": [step]})["StepIds"]
        (ended,) = live.stack.emr.wait_for_steps(live.cluster, ids)
        assert ended["Status"]["State"] == "COMPLETED"
        timeline = ended["Status"]["Timeline"]
        assert timeline["CreationDateTime"] <= timeline["StartDateTime"] <= timeline["EndDateTime"]
        took.append((timeline["StartDateTime"] - timeline["CreationDateTime"]).total_seconds())
    print(f"\nFrom add-steps to RUNNING: {', '.join(f'{seconds:.2f}' for seconds in took)} s")
    assert min(took) < 1
