"""Whom chaos kills, and how it tells what a kill did to the changes. The kills themselves: tests/stack."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.chaos import run
from lab.chaos.changes import _difference
from lab.stack.compose import Container
from lakelab.errors import LabError


class Running:
    def __init__(self, *services: str) -> None:
        self.services = services

    def containers(self) -> list[Container]:
        return [Container(name, name, name, "running", "healthy", 0) for name in self.services]


def test_everybody_is_killed_once_before_anybody_twice():
    names = ["connect", "kafka-1", "kafka-2"]
    found = run.plan(names, 7, seed=1)
    assert sorted(found[:3]) == sorted(found[3:6]) == names
    assert max(Counter(found).values()) == 3


def test_the_seed_decides_the_order():
    names = list(run.VICTIMS)
    assert run.plan(names, 30, seed=1) == run.plan(names, 30, seed=1)
    assert run.plan(names, 30, seed=1) != run.plan(names, 30, seed=2)


def test_only_what_runs_is_chosen():
    assert run.victims(Running("connect", "api", "airflow", "kafka-1")) == ["kafka-1", "connect", "api"]
    assert run.victims(Running("connect", "api", "airflow"), ["airflow"]) == ["airflow"]


@pytest.mark.parametrize(
    ("running", "asked", "told"),
    [(("connect", "api"), ["lake"], "no service lake runs"), (("airflow",), [], "the live half does not run")],
)
def test_what_does_not_run_is_told(running, asked, told):
    with pytest.raises(LabError, match=told):
        run.victims(Running(*running), asked)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([1, 3], "1 of 3 changes are missing, 0 came more than once"),
        ([1, 2, 2, 3], "0 of 3 changes are missing, 1 came more than once"),
        ([2, 1, 3], "0 of 3 changes are missing, 0 came more than once, out of order"),
        ([], "3 of 3 changes are missing, 0 came more than once"),
    ],
)
def test_how_changes_differ_is_told(found, told):
    assert _difference(found, 3) == told
