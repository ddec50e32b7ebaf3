"""Airflow's own EMR operators, sensors and triggers on the lab's endpoint: in the images of the stack, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from airflow_image import ALONE, BUCKET, SCRIPTS, emr_endpoint, run_inside

ENVIRONMENT = {**ALONE, "AIRFLOW__CORE__DAGS_FOLDER": f"{SCRIPTS}/clients", "BUCKET": BUCKET}
LIFE = {"create", "add", "by_name", "watch", "modify", "terminate", "ended"}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What emr_clients.py tells of all its runs."""
    with emr_endpoint() as network:
        found: dict[str, Any] = run_inside("emr_clients.py", ENVIRONMENT, network)
    return found


@pytest.mark.parametrize("kind", ["at once", "deferred"])
def test_every_operator_and_sensor_sees_a_cluster_from_its_start_to_its_end(told, kind):
    assert told[kind]["said"] == {}
    assert told[kind]["tasks"] == dict.fromkeys(LIFE, "success")
    assert told[kind]["run"] == "success"


def test_those_that_can_be_deferred_are(told):
    assert told["at once"]["deferred"] == []
    assert told["deferred"]["deferred"] == ["add", "create", "terminate", "watch"]  # nothing is left to wait for then
    assert told["failures deferred"]["deferred"] == ["add", "ended", "watch"]


@pytest.mark.parametrize("kind", ["failures at once", "failures deferred"])
def test_what_fails_is_red_and_the_rest_is_not(told, kind):
    failed = {name for name, state in told[kind]["tasks"].items() if state == "failed"}
    assert failed == {"add", "watch", "ended", "refused"}
    assert told[kind]["tasks"]["terminate"] == "success"


@pytest.mark.parametrize("kind", ["failures at once", "failures deferred"])
def test_a_red_task_names_the_cause(told, kind):
    said = told[kind]["said"]
    assert "Exited with code 4" in said["watch"]
    assert "/steps/s-" in said["watch"]
    assert "Shut down as step failed" in said["ended"]
    assert said["refused"].endswith("Cluster id 'j-0000000000000' is not valid.")
    if kind == "failures deferred":  # where it waits by itself, Airflow writes the cause to the log alone
        assert "no such table" in said["add"]


@pytest.mark.parametrize("case", ["created", "steps", "step", "terminated"])
def test_a_trigger_fires_when_what_it_waits_for_is_there(told, case):
    assert told["events"][case]["status"] == "success"


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("bad steps", "no such table"),
        ("bad step", "no such table"),
        ("cancelled step", "CANCELLED"),
        ("failed cluster", "Shut down as step failed"),
        ("no cluster", "Cluster id 'j-0000000000000' is not valid."),
    ],
)
def test_a_trigger_tells_why_it_will_never_be(told, case, words):
    event = told["events"][case]
    assert event["status"] == "error"
    assert words in event["message"]
