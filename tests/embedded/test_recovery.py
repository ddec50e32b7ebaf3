"""The story of one lab whose runs are stopped, killed and disturbed: the last one ends right, and nothing is left."""

from __future__ import annotations

import signal

import pytest
from demo_lab import Lab, stop
from killing import Phase, kill_in, locked, seen, step_runs
from polling import poll_until

from lab.embedded.postgres import Postgres
from lab.report.model import KILLED


def test_a_lab_that_never_ran_says_so(own_lab):
    done = own_lab.run("sql", "select 1")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "lab: there is no warehouse yet (data_dev_5data): run `make demo` first"
    )
    assert "none yet" in own_lab.succeed("status")


def test_sigterm_is_as_ctrl_c(own_lab):
    with own_lab.started("demo") as process:
        poll_until(lambda: (own_lab.home / "run.json").exists(), "the start")
        code, _ = stop(process, signal.SIGTERM)
    assert code == 130


def test_ctrl_c_while_postgres_starts_leaves_no_server(fresh_lab):
    server = Postgres(fresh_lab.place)
    with fresh_lab.started("demo") as process:
        poll_until(server.log.exists, "the start of Postgres")
        code, said = stop(process, signal.SIGINT)
    assert code == 130, said
    assert not server.is_up()


def test_a_server_without_its_databases_is_made_anew(fresh_lab):
    """As a kill leaves it between its first start and the making of the databases."""
    server = Postgres(fresh_lab.place)
    with server.running():
        (server.root / "ready").unlink()
        with server.connect("postgres", "postgres") as connection, connection.cursor() as cursor:
            cursor.execute("ALTER ROLE erp_owner RENAME TO nobody_yet")
        fresh_lab.succeed("psql", "-c", "select 1")


def test_ctrl_c_ends_everything_with_one_line(own_lab):
    with seen(own_lab, "emr/steps/**/stderr") as first_step, own_lab.started("demo") as process:
        poll_until(first_step, "the first step", 200)
        code, said = stop(process, signal.SIGINT)
    assert code == 130
    assert said.strip().splitlines()[-1].startswith("lab: stopped")
    assert "Traceback" not in said
    poll_until(lambda: own_lab.processes() == [], "the end of all processes", 20)


def test_ctrl_c_while_spark_starts_leaves_no_jvm(own_lab):
    def starts():
        return any("PythonGatewayServer" in line or "pyspark-shell" in line for line in own_lab.processes())

    with own_lab.started("demo") as process:
        poll_until(starts, "the start of the lab's own Spark", 200)
        code, said = stop(process, signal.SIGINT)
    assert code == 130, said
    poll_until(lambda: own_lab.processes() == [], "the end of all processes", 20)


def test_a_second_command_at_the_same_time_is_told_who_is_at_work(own_lab):
    with own_lab.place.exclusive("lab demo"):
        done = own_lab.run("demo")
    assert done.returncode == 1
    assert "another command is at work: lab demo, process" in done.stderr


@pytest.mark.parametrize("command", ["load", "reset"])
def test_other_commands_that_change_the_lab_wait_as_well(own_lab, tmp_path, command):
    arguments = [str(tmp_path)] if command == "load" else ["--yes"]
    with own_lab.place.exclusive("lab demo"):
        done = own_lab.run(command, *arguments)
    assert done.returncode == 1
    assert "another command is at work" in done.stderr


def test_postgres_and_what_is_put_aside_stay_while_somebody_is_in_the_lab(own_lab):
    def put_aside():
        kept = own_lab.place.scratch / "spark" / "blockmgr-1" / "shuffle_0_0_0.data"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("names")
        return kept

    first = Postgres(own_lab.place)
    of_a_killed_one = put_aside()
    with first.running():
        assert not of_a_killed_one.exists()
        kept = put_aside()
        own_lab.succeed("psql", "-c", "select 1")
        assert first.is_up()
        assert kept.exists()
    assert not first.is_up()
    assert not kept.exists()


WAREHOUSE = "hdfs/user/hive/warehouse/data_dev_5data.db"
# Each is killed over what those before it left. The writers of the public students are those of the marts.
PHASES = [
    Phase("s3-dist-cp copies", "demo", lambda lab: step_runs(lab, "Copy"), group=True),
    Phase("the ERP is loaded", "demo", lambda lab: locked(lab, "lessons"), group=False),
    Phase("the ERP is unloaded", "run", lambda lab: locked(lab, "events"), group=True),
    Phase("students.py writes", "demo", lambda lab: seen(lab, "hdfs/dev/data/ERP/_STUDENTS.new"), group=False),
    Phase("the marts are published", "run", lambda lab: seen(lab, f"{WAREHOUSE}/_mart_*.new"), group=True),
]


@pytest.mark.timeout(900)
def test_a_run_killed_in_each_of_its_phases_can_be_run_again_and_ends_right(own_lab, demo_lab):
    for phase in PHASES:
        kill_in(own_lab, phase)
        assert own_lab.record()["error"] == KILLED, phase.name
    assert "killed before its end" in own_lab.succeed("status")

    own_lab.succeed("demo")

    assert own_lab.checksums() == demo_lab.checksums()
    assert own_lab.answers() == demo_lab.answers()
    poll_until(lambda: own_lab.processes() == [], "the end of all processes", 20)
    assert unfinished(own_lab) == []
    assert list(own_lab.temporary.iterdir()) == []
    assert "failed" not in own_lab.succeed("status")


def unfinished(lab: Lab) -> list[str]:
    """Files that writers leave when they are killed, outside of Postgres."""
    working = ("seed", ".seed.*", "clean", "unload/*", "unload/.*", "cache/scratch/*")
    patterns = (*working, "s3/**/.writing-*", "hdfs/**/.writing-*", "hdfs/**/_*.new")
    return [str(path) for pattern in patterns for path in lab.home.glob(pattern)]


def test_reset_deletes_the_lab_and_nothing_else(own_lab):
    beside = own_lab.home.parent / "beside.txt"
    beside.write_text("kept")
    own_lab.succeed("reset", "--yes")
    assert not own_lab.home.exists()
    assert beside.read_text() == "kept"


def test_reset_refuses_a_folder_that_is_not_a_lab(tmp_path, own_lab):
    (tmp_path / "precious").write_text("kept")
    done = own_lab.run("reset", "--yes", LAB_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "not made by the lab" in done.stderr
    assert (tmp_path / "precious").exists()
