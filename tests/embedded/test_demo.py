"""The whole pipeline as a user meets it: one run, its results, and asking them."""

from __future__ import annotations

import csv
import gzip
import io
import json

from demo_lab import STUDENTS

from lakelab.catalogue import TABLES


def test_every_table_is_the_same_in_the_three_tiers(demo_lab):
    sums = demo_lab.checksums()
    assert sorted(sums) == sorted(t.name for t in TABLES)
    for table, tiers in sums.items():
        assert len(set(tiers)) == 1, table
    assert demo_lab.erp("SELECT count(*) FROM public.students") == [(STUDENTS,)]


def test_the_terminal_shows_ten_answers_and_where_the_report_is(demo_lab):
    output = (demo_lab.home.parent / "output.txt").read_text()
    assert "ERP = stage = presentation" in output
    assert "10 questions answered" in output
    assert str(demo_lab.home / "report.html") in output


def test_the_report_is_there_and_whole(demo_lab):
    page = (demo_lab.home / "report.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert "What growth is forecast?" in page


def test_no_personal_column_is_in_the_marts_or_the_report(demo_lab):
    people = demo_lab.erp("SELECT email, personal_email, last_name || ' ' || first_name FROM public.students")
    page = (demo_lab.home / "report.html").read_text()
    answers = (demo_lab.home / "answers.json").read_text()
    for values in people:
        for value in filter(None, values):
            assert value not in page
            assert value not in answers


def test_published_marts_are_k_anonymous(demo_lab):
    marts = demo_lab.record()["anonymity"]
    assert len(marts) == 9
    assert all(mart["smallest"] == 0 or mart["smallest"] >= 5 for mart in marts)


def test_files_with_names_do_not_stay_beside_the_lab(demo_lab):
    assert not (demo_lab.home / "seed").exists()
    for folder in ("unload", "cache/scratch"):
        assert list((demo_lab.home / folder).iterdir()) == []
    assert list(demo_lab.temporary.iterdir()) == []


def test_secrets_are_readable_by_the_owner_alone(demo_lab):
    for name in ("secrets.env", "conf/spark.properties"):
        assert (demo_lab.home / name).stat().st_mode & 0o077 == 0


def test_the_stage_has_a_manifest_of_one_moment(demo_lab):
    manifest = json.loads((demo_lab.home / "s3/5data-bucket/stage/_manifest.json").read_text())
    assert manifest["snapshot"]["id"]
    assert manifest["tables"]["students"]["rows"] == STUDENTS


def test_each_step_left_its_logs_in_the_bucket(demo_lab):
    bucket = demo_lab.home / "s3/5data-bucket"
    controllers = list(bucket.glob("j-*/steps/s-*/controller.gz"))
    assert len(controllers) == 15  # two of setup, ten copies, three Spark jobs
    assert any(b"students.py" in gzip.decompress(path.read_bytes()) for path in controllers)


def test_sql_as_csv_has_typed_values(demo_lab):
    query = "select count(*) as n, max(grade) <= 100 as fits, min(`date`) > date'2000-01-01' as dated from grades"
    rows = list(csv.DictReader(io.StringIO(demo_lab.succeed("sql", query, "--csv"))))
    ((expected,),) = demo_lab.erp("SELECT count(*) FROM public.grades")
    assert rows == [{"n": str(expected), "fits": "True", "dated": "True"}]


def test_the_shell_goes_on_after_an_error(demo_lab):
    done = demo_lab.run("sql", "--json", text="select nonsense;\nselect count(*) as n\nfrom campuses;\nexit\n")
    ((expected,),) = demo_lab.erp("SELECT count(*) FROM public.campuses")
    assert done.returncode == 0
    assert "nonsense" in done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") :].splitlines()[0]) == {"n": expected}


def test_a_query_that_cannot_run_is_one_line(demo_lab):
    done = demo_lab.run("sql", "select * from nowhere")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nowhere" in done.stderr.strip().splitlines()[-1]


def test_status_clusters_and_steps(demo_lab):
    assert "ERP = stage = presentation" in demo_lab.succeed("status")
    assert "WAITING" in demo_lab.succeed("emr", "clusters")
    steps = demo_lab.succeed("emr", "steps")
    assert steps.count("COMPLETED") == 15


def test_doctor_finds_the_machine_fit(demo_lab):
    assert "SHA-256 as published" in demo_lab.succeed("doctor")


def test_nothing_is_left_running(demo_lab):
    assert demo_lab.processes() == []
