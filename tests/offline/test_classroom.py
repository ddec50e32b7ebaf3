"""A classroom without a network: what `make bundle` wrote is all that is needed to start the stack and use it."""

from __future__ import annotations

import json

from classroom import Classroom

from lab.stack.compose import Compose
from lab.stack.environment import ensure_environment

# Of the school of 1,500 students with seed number 7.
ROWS = {"campuses": 13, "students": 1500, "lessons": 10710, "attendances": 68528, "grades": 34780}
CONNECT = """
import errno, socket
try:
    socket.create_connection(("192.0.2.1", 443), timeout=10)
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def last_lines(room: Classroom) -> str:
    return room.run(".venv/bin/lab", "stack", "logs", "--tail", "20", "airflow", "aws", "master").stdout


def test_the_machine_reaches_nothing_and_has_nothing(room: Classroom):
    assert room.succeed("python3", "-c", CONNECT) == "ENETUNREACH\n"
    assert room.run("docker", "pull", "debian:bookworm-slim").returncode != 0
    assert room.succeed("docker", "images", "--quiet") == ""
    assert not (room.clone / ".venv").exists()


def test_the_bundle_is_taken_without_a_network(room: Classroom, loaded: str):
    wanted = {service["image"] for service in Compose(ensure_environment()).services.values()}
    found = room.succeed("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert set(found) == wanted
    assert f"images: {len(wanted)}" in loaded


def test_the_stack_starts_and_the_pipeline_ends_green(room: Classroom, up: str, tasks: str):
    assert "The stack is up" in up
    states = json.loads(tasks)
    assert {state for found in states.values() for state in found} == {"success"}, f"{states}\n{last_lines(room)}"
    assert len([name for name in states if name.startswith("unload_")]) == 11
    assert len(states["step"]) == 13


def test_tables_are_those_of_the_school(room: Classroom, tasks: str):
    out = room.succeed(".venv/bin/lab", "verify", "--stack")
    assert (out.count("✓"), out.count("✗")) == (11, 0)
    counts = " union all ".join(f"select '{table}' as name, count(*) as n from {table}" for table in ROWS)
    answer = room.succeed(".venv/bin/lab", "sql", "--stack", "--csv", counts)
    assert sorted(answer.splitlines()[1:]) == sorted(f"{table},{rows}" for table, rows in ROWS.items())
