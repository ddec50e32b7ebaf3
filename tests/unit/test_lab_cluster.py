"""The cluster that the pipeline runs on: taken again as long as it serves, made anew when it does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from emr_lab import Emr, shell

from lab import cluster
from lab.cluster import Ready, ready_cluster, wait
from lakelab.settings import Settings, load_settings


@pytest.fixture
def settings(emr: Emr, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for the bucket of the engine; the setup is two small steps."""
    monkeypatch.setattr(cluster, "STEPS", emr.root)
    set_up_by(emr.root, "true", "true")
    return replace(load_settings({}), bucket="logs")


def set_up_by(folder: Path, *scripts: str) -> None:
    steps = [shell(script, name=f"setup {number}") for number, script in enumerate(scripts)]
    (folder / "setup_steps.json").write_text(json.dumps(steps))


def stood_up(emr: Emr, settings: Settings) -> str:
    made = ready_cluster(emr.engine, settings)
    assert len(made.setup) == 2
    wait(emr.engine, made.id, made.setup, settings)
    return made.id


def names(emr: Emr, made: Ready) -> list[str]:
    return [
        emr.engine.describe_step({"ClusterId": made.id, "StepId": step_id})["Step"]["Name"] for step_id in made.setup
    ]


def test_a_cluster_whose_setup_is_done_is_taken_again(emr: Emr, settings: Settings) -> None:
    first = stood_up(emr, settings)
    emr.run(first, shell("true"), shell("exit 3"))
    assert ready_cluster(emr.engine, settings) == Ready(first, [])


def test_what_a_killed_run_left_is_ended_and_the_cluster_taken(emr: Emr, settings: Settings) -> None:
    first = stood_up(emr, settings)
    gate = emr.gate()
    emr.add(first, shell(gate.wait), shell("true"))
    gate.reached()

    assert ready_cluster(emr.engine, settings) == Ready(first, [])
    assert emr.states(first)[2:] == ["CANCELLED", "CANCELLED"]


def test_others_steps_go_on_where_the_lab_is_not_alone(emr: Emr, settings: Settings) -> None:
    first = stood_up(emr, settings)
    gate = emr.gate()
    (step_id,) = emr.add(first, shell(gate.wait))
    gate.reached()
    stranger = emr.cluster()

    assert ready_cluster(emr.engine, settings, alone=False) == Ready(first, [])
    assert emr.state(first, step_id) == "RUNNING"
    assert emr.status(stranger)["State"] == "WAITING"
    gate.open()


def test_a_setup_that_goes_on_is_waited_for_or_begun_anew(emr: Emr, settings: Settings) -> None:
    gate = emr.gate()
    set_up_by(emr.root, "true", gate.wait)
    first = ready_cluster(emr.engine, settings)
    gate.reached()

    shared = ready_cluster(emr.engine, settings, alone=False)
    assert (shared.id, names(emr, shared)) == (first.id, ["setup 1"])

    own = ready_cluster(emr.engine, settings)
    assert own.id != first.id
    assert names(emr, own) == ["setup 0", "setup 1"]
    assert emr.status(first.id)["State"] == "TERMINATED"


@pytest.mark.parametrize("alone", [True, False])
def test_a_cluster_whose_setup_failed_or_has_changed_is_replaced(emr: Emr, settings: Settings, alone: bool) -> None:
    set_up_by(emr.root, "true", "exit 1")
    failed = ready_cluster(emr.engine, settings, alone=alone)
    emr.ended(failed.id)
    second = ready_cluster(emr.engine, settings, alone=alone)
    assert second.id != failed.id

    set_up_by(emr.root, "true", "true")
    third = ready_cluster(emr.engine, settings, alone=alone)
    assert emr.status(second.id)["State"] == "TERMINATED"
    assert ready_cluster(emr.engine, settings, alone=False).id == third.id
