"""What goes wrong at a user's is one clear line, a non-zero exit, and nothing half-written."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest
from demo_lab import new_lab


def fails(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a failed command."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lab: ")
    return last


def stage(lab) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((lab.home / "s3/5data-bucket/stage").iterdir())}


@pytest.fixture
def two_steps(tmp_path):
    """Writes a file of steps: the given one, and one that must not run after it."""

    def write(*argv: str):
        def step(name, *args):
            return {
                "Name": name,
                "ActionOnFailure": "CANCEL_AND_WAIT",
                "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(args)},
            }

        path = tmp_path / "steps.json"
        path.write_text(json.dumps([step("first", *argv), step("second", "bash", "-c", "echo ran > ../../second")]))
        return path

    return write


def test_a_table_missing_in_the_erp(spare_lab):
    before = stage(spare_lab)
    spare_lab.erp("ALTER TABLE public.events RENAME TO events_gone")
    assert "events" in fails(spare_lab.run("run"))
    after = stage(spare_lab)
    assert "_manifest.json" not in after, "the stage may not be declared complete"
    assert after.items() <= before.items(), "a file of the stage is whole or the former one"
    assert "failed: " in spare_lab.succeed("status")


def test_a_changed_file_of_the_presentation_is_found_and_named(demo_lab):
    copied = demo_lab.home / "hdfs/dev/data/ERP/EVENTS/events.csv"
    before = copied.read_bytes()
    copied.write_bytes(before.split(b"\n", 1)[1])
    copied.with_name(".events.csv.crc").unlink(missing_ok=True)
    try:
        line = fails(demo_lab.run("verify"))
    finally:
        copied.write_bytes(before)
    assert "events: presentation has" in line
    assert "1 fewer" in line


def test_wrong_credentials(demo_lab):
    secrets = demo_lab.home / "secrets.env"
    text = secrets.read_text()
    wrong = "\n".join("ERP_UNLOADER_PASSWORD=00" if x.startswith("ERP_UNLOADER") else x for x in text.splitlines())
    secrets.write_text(wrong + "\n")
    try:
        line = fails(demo_lab.run("verify"))
    finally:
        secrets.write_text(text)
    assert "password authentication failed" in line
    assert "erp_unloader" in line


def test_a_job_that_raises_names_the_exception_and_its_log(spare_lab, two_steps, tmp_path):
    job = tmp_path / "job.py"
    job.write_text("raise ValueError('no campus on the moon')\n")
    line = fails(spare_lab.run("emr", "run", str(two_steps("spark-submit", str(job)))))
    assert "step 'first' failed" in line
    assert "no campus on the moon" in line
    step = line.split("lab emr logs ")[1].split("`")[0]
    shown = spare_lab.succeed("emr", "logs", step, "controller")
    assert "exit code 1" in shown
    states = spare_lab.succeed("emr", "steps")
    assert [s for s in ("FAILED", "CANCELLED") if s in states] == ["FAILED", "CANCELLED"]


def test_a_missing_bucket(spare_lab, two_steps):
    line = fails(spare_lab.run("emr", "run", str(two_steps("s3-dist-cp", "--src=s3://nowhere/x", "--dest=/tmp/x"))))
    assert "bucket nowhere does not exist" in line


def test_a_file_of_steps_that_is_not_one(demo_lab, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert "not JSON" in fails(demo_lab.run("emr", "run", str(broken)))
    broken.write_text('{"Name": "alone"}')
    assert "not a list of steps" in fails(demo_lab.run("emr", "run", str(broken)))
    broken.write_text('[{"Name": "{{ var.value.unknown }}"}]')
    assert "cannot render" in fails(demo_lab.run("emr", "run", str(broken)))


def test_a_step_that_emr_would_refuse(spare_lab, tmp_path):
    steps = tmp_path / "steps.json"
    steps.write_text('[{"Name": "no jar"}]')
    assert "hadoopJarStep" in fails(spare_lab.run("emr", "run", str(steps)))


def test_the_port_is_taken(fresh_lab):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        line = fails(fresh_lab.run("demo", LAB_ERP_PORT=port))
    assert f"port {port} is taken" in line
    assert "LAB_ERP_PORT" in line


def test_a_folder_that_cannot_be_made(fresh_lab, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert "cannot make the lab's folder" in fails(fresh_lab.run("demo", LAB_HOME=str(tmp_path / "file" / "lab")))


@pytest.mark.skipif(
    os.geteuid() != 0, reason="a small disk can only be mounted as root: run the tests as root to see it"
)
def test_a_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this container may not mount a small disk: run the tests on a machine to see it")
    try:
        for lab in new_lab(disk / "lab"):
            line = fails(lab.run("demo"))
            assert "No space left on device" in line or "disk is full" in line
            assert not list(lab.home.glob("s3/*/stage/_manifest.json"))
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_a_csv_with_broken_rows_is_loaded_without_them(fresh_lab, tmp_path):
    school = tmp_path / "school"
    fresh_lab.succeed("generate", "--scale", "60", "--out", str(school))
    grades = school / "grades.csv"
    lines = grades.read_text().splitlines()
    key, _, subject, date, _ = lines[1].split(",")
    lines[1] = f"{key},999999999,{subject},{date},50.0"
    lines.append("no,number,at,all")
    grades.write_text("\n".join(lines) + "\n")
    assert "2 lines refused" in fresh_lab.succeed("load", str(school))
    refused = (fresh_lab.home / "refused" / "grades.csv").read_text().splitlines()
    assert refused[1].startswith("2,")
    assert "999999999" in refused[1]
    assert refused[2].startswith(f"{len(lines)},")
    assert fresh_lab.erp("SELECT count(*) FROM public.grades") == [(len(lines) - 3,)]


def test_a_missing_file_of_a_school(fresh_lab, tmp_path):
    assert ".csv" in fails(fresh_lab.run("load", str(tmp_path)))


def test_a_bad_setting(demo_lab):
    assert "LAB_BUCKET" in fails(demo_lab.run("status", LAB_BUCKET="Not A Bucket"))
