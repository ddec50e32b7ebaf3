"""A failed test of the live stack shows the log of what it is about."""

from __future__ import annotations

from last_words import concerned, last_words

from lab.stack.compose import Compose, Container
from lab.stack.environment import Environment
from lakelab.errors import LabError


def container(service: str, state: str = "running", health: str = "healthy", exit_code: int = 0) -> Container:
    return Container("1", f"p-{service}-1", service, state, health, exit_code)


WELL = [container("airflow"), container("minio"), container("hiveserver2"), container("school", "exited", "")]


def test_the_ill_and_the_named_are_shown():
    ill = container("aws", health="unhealthy")
    assert concerned([*WELL, ill], "test_minio_shows_the_stage: no such element") == ["aws", "minio"]
    assert concerned([*WELL, container("prepare", "exited", "", 3)], "assert 1 == 2") == ["prepare"]


def test_a_job_that_ended_well_is_not_and_a_part_of_a_word_names_nothing():
    assert concerned(WELL, "miniobar, preschool") == ["airflow"]


def test_the_lines_come_with_the_state(monkeypatch, tmp_path):
    monkeypatch.setattr(Compose, "containers", lambda _: [container("aws", "exited", "", 137), *WELL])
    monkeypatch.setattr(Compose, "last_lines", lambda _, service, count: f"{count} lines of {service}")
    text = last_words(Compose(Environment(tmp_path, {})), "test_x")
    assert text == "aws (exited):\n20 lines of aws"


def test_without_an_engine_the_error_is_shown_and_none_is_raised(monkeypatch, tmp_path):
    def gone(_: Compose) -> list[Container]:
        raise LabError("no Docker engine answers")

    monkeypatch.setattr(Compose, "containers", gone)
    assert last_words(Compose(Environment(tmp_path, {})), "test_x") == "no Docker engine answers"
