"""Runs that are stopped, killed or disturbed: the next one ends right, and nothing is left running."""

from __future__ import annotations

import signal
import subprocess

import pytest
from demo_lab import stop
from polling import poll_until

from lab.embedded.postgres import Postgres


def test_a_lab_that_never_ran_says_so(own_lab):
    done = own_lab.run("sql", "select 1")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "lab: there is no warehouse yet (data_dev_5data): run `make demo` first"
    )
    assert "none yet" in own_lab.succeed("status")


def test_ctrl_c_ends_everything_with_one_line(own_lab):
    process = own_lab.start("demo")
    poll_until(lambda: list(own_lab.home.glob("emr/steps/**/stderr")), "the first step", 60)
    code, said = stop(process, signal.SIGINT)
    assert code == 130
    assert said.strip().splitlines()[-1].startswith("lab: stopped")
    assert "Traceback" not in said
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


def test_postgres_stays_while_somebody_uses_it(own_lab):
    first = Postgres(own_lab.place)
    with first.running():
        own_lab.succeed("psql", "-c", "select 1")
        assert first.is_up()
    assert not first.is_up()


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


def test_sigterm_is_as_ctrl_c(own_lab):
    process: subprocess.Popen[str] = own_lab.start("demo")
    poll_until(lambda: (own_lab.home / "postgres.users").exists(), "the start", 30)
    code, _ = stop(process, signal.SIGTERM)
    assert code == 130
