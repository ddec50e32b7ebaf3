"""The stack as it stands: well, small, closed."""

from __future__ import annotations

import json
import time

import pytest
from compose_rules import JOBS, RIGHTS, violations
from live import Live
from polling import poll_until

from lab.stack import compose

AT_REST = 6e9  # bytes, all containers together
BATCH_AT_REST = 3e9  # those without the live half


def test_every_service_is_well_and_every_job_is_done(live: Live):
    states = {c.service: (c.state, c.exit_code if c.service in JOBS else c.health) for c in live.containers()}
    assert states == {
        name: ("exited", 0) if name in JOBS else ("running", "healthy") for name in live.description.services
    }


def test_status_shows_each_with_memory_and_limit(live: Live):
    out = live.succeed("stack", "status")
    for service in live.description.services:
        line = next(line for line in out.splitlines() if line.startswith(f"{service} "))
        assert ("done" if service in JOBS else "healthy") in line


def test_all_of_it_rests_in_6_gb_and_the_batch_half_in_3(live: Live):
    if not live.at_start:
        pytest.skip("what this stack used when it started is not known: unset LAB_TEST_STACK")
    assert set(live.at_start) == set(live.description.services) - JOBS
    live_half = {name for name, service in live.description.services.items() if "live" in service.get("profiles", [])}
    assert 0.5e9 < sum(live.at_start.values()) < AT_REST, live.at_start
    batch = {name: used for name, used in live.at_start.items() if name not in live_half}
    assert 0.5e9 < sum(batch.values()) < BATCH_AT_REST, batch


def test_it_comes_to_rest_again_after_it_has_worked(live: Live, run_id: str):
    """By now a whole run, proofs, a report and a browser have been there."""
    resting = poll_until(lambda: sum((used := live.memory()).values()) < AT_REST and used, "6 GB in all", 240)
    print("\nMB at rest: " + ", ".join(f"{name} {used / 1e6:.0f}" for name, used in sorted(resting.items())))
    print(f"MB in all: {sum(resting.values()) / 1e6:,.0f}")


def test_starting_it_again_disturbs_nothing(live: Live):
    before = {
        c.service: live.inspect(c.service)["State"]["StartedAt"] for c in live.containers() if c.service not in JOBS
    }
    began = time.monotonic()
    assert "The stack is up" in live.succeed("stack", "up")
    assert time.monotonic() - began < 120
    assert before == {service: live.inspect(service)["State"]["StartedAt"] for service in before}


def test_the_rendered_files_keep_the_rules(live: Live):
    assert violations(live.description.description, live.stack.environment.values) == []


def test_the_running_containers_keep_them_too(live: Live):
    for container in live.containers():
        if container.service in JOBS:
            continue
        found = live.inspect(container.service)
        host = found["HostConfig"]
        assert host["Memory"] > 0, container.service
        assert not host["Privileged"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped", container.service
        bindings = [b["HostIp"] for each in (host["PortBindings"] or {}).values() for b in each]
        assert set(bindings) <= {"127.0.0.1"}, container.service
        # Where something may begin as root, the first process is the engine's own init, and its child is not root.
        first = "cat /proc/$(cat /proc/1/task/1/children | cut -d' ' -f1)/status" if container.service in RIGHTS else ""
        status = compose.docker("exec", container.id, "sh", "-c", first or "cat /proc/1/status")
        assert status.partition("Uid:\t")[2].split()[0] != "0", container.service


def test_no_secret_is_in_an_image_or_on_a_command_line(live: Live):
    secrets = [value for name, value in live.stack.environment.values.items() if "PASSWORD" in name or "SECRET" in name]
    images = {service["image"] for service in live.description.services.values()}
    texts = {
        image: compose.docker("image", "inspect", image) + compose.docker("history", "--no-trunc", image)
        for image in images
    }
    for container in live.containers():
        if container.service not in JOBS:
            texts[container.service] = json.dumps(compose.docker("top", container.id, "-eo", "pid,args"))
    assert [name for name, text in texts.items() for secret in secrets if secret in text] == []


def test_the_clocks_and_the_nodes_are_well_to_the_doctor(live: Live):
    lines = live.lab("doctor").stdout.splitlines()
    for check in ("stack engine", "stack clock", "stack images", "stack ports", "stack nodes"):
        assert any(check in line and "✓" in line for line in lines), check
