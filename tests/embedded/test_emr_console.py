"""The console of `lab emr serve`: the log of a step that runs, and the page in a browser."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from browsing import SLOW
from demo_lab import Lab, stop
from playwright.sync_api import Browser, Page, expect
from polling import poll_until

from lab.emr_picture import KEY, sample, served
from services.aws.emr.engine import EmrEngine


def request(bucket: str, *args: str) -> dict[str, Any]:
    return {
        "Name": "served",
        "ReleaseLabel": "emr-7.13.0",
        "LogUri": f"s3://{bucket}/logs",
        "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "ServiceRole": "EMR_DefaultRole",
        "Steps": [step(*args)],
    }


def step(*args: str, name: str = "step") -> dict[str, Any]:
    return {
        "Name": name,
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(args)},
    }


# As a program


def test_the_growing_log_of_a_step_through_the_console_that_serve_prints(fresh_lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"echo begun; read -r word < {gate}; echo went on with $word"
    server = fresh_lab.start("emr", "serve")
    try:
        told = dict(server.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(4))
        console, _, key = server.stdout.readline().strip().removeprefix("# Clusters, steps and logs: ").partition("#")
        assert console == f"{told['AWS_ENDPOINT_URL_EMR']}/emr/"
        variables = {**os.environ, **{name: value for name, value in told.items() if name != "AWS_ENDPOINT_URL_EMR"}}
        emr = boto3.client(
            "emr", endpoint_url=told["AWS_ENDPOINT_URL_EMR"], region_name=told["AWS_DEFAULT_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"], aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        cluster = emr.run_job_flow(**request(fresh_lab.place.settings.bucket, "bash", "-c", script))["JobFlowId"]
        (running,) = emr.list_steps(ClusterId=cluster)["Steps"]
        steps = f"{console}api/clusters/{cluster}/steps"
        log = f"{steps}/{running['Id']}/logs/stdout"

        poll_until(lambda: ask(log, key) == (200, b"begun\n"), "the log of the step that runs")
        with gate.open("w") as going_on:
            going_on.write("it\n")
        poll_until(lambda: ask(f"{log}?from=6", key) == (200, b"went on with it\n"), "what the log grew by")
        emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=running["Id"], WaiterConfig={"Delay": 1})
        assert ask(log, key) == (200, b"begun\nwent on with it\n")
        for wrong in ("", key[:-1], told["AWS_SECRET_ACCESS_KEY"]):
            assert ask(log, wrong)[0] == 401

        again = json.loads(ask(f"{steps}/{running['Id']}", key)[1])["Again"]
        added = aws_cli(again, variables)
        with gate.open("w") as going_on:
            going_on.write("the copy\n")
        emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=added, WaiterConfig={"Delay": 1})
        assert ask(f"{steps}/{added}/logs/stdout", key) == (200, b"begun\nwent on with the copy\n")
    finally:
        code, said = stop(server, signal.SIGINT)
    assert (code, said) == (0, "")


def ask(url: str, key: str) -> tuple[int, bytes]:
    try:
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def aws_cli(line: str, variables: dict[str, str]) -> str:
    """Run a line of the AWS CLI as a shell does; returns the id of the step that it added."""
    words = shlex.split(line)
    assert words[0] == "aws"
    command = [sys.executable, "-m", "awscli", *words[1:], "--output", "json"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (added,) = json.loads(done.stdout)["StepIds"]
    return str(added)


# As a person


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[EmrEngine, str, str, str]]:
    """An engine with a past, its cluster, the step that runs there, and the address of its console."""
    with sample(tmp_path) as (engine, cluster, running), served(engine) as url:
        yield engine, cluster, running, url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(SLOW)
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield opened
    context.close()
    assert troubles == []


def test_the_page_lets_nobody_in_without_the_key_and_hides_it_from_the_address(page: Page, shown) -> None:
    _, cluster, _, url = shown
    page.goto(url)
    expect(page.get_by_text("This page has no key")).to_be_visible()
    page.goto(f"{url}#{KEY}")
    page.get_by_role("link", name="lakelab", exact=True).click()
    expect(page).to_have_url(f"{url}clusters/{cluster}")
    page.reload()  # the key is kept
    expect(page.get_by_role("heading", name="lakelab")).to_be_visible()
    assert page.context.cookies() == []


def test_steps_are_listed_filtered_and_found_and_states_change_by_themselves(page: Page, shown) -> None:
    engine, cluster, running, url = shown
    page.goto(f"{url}clusters/{cluster}#{KEY}")
    rows = page.locator("table.steps tbody tr")
    expect(rows).to_have_count(23)
    expect(rows.nth(2)).to_contain_text("running")
    expect(rows.nth(2).get_by_role("img", name=re.compile(r"^waited 0\.\d s, ran "))).to_be_visible()
    page.get_by_role("button", name="Failed").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Path does not exist: s3://5data-bucket/stage/audiences.csv")
    page.get_by_role("button", name="All").click()
    page.keyboard.press("/")
    page.keyboard.type("copy st")
    expect(rows).to_have_count(2)
    page.get_by_role("searchbox").fill("")
    expect(rows).to_have_count(23)

    engine.cancel_steps({"ClusterId": cluster, "StepIds": [running], "StepCancellationOption": "TERMINATE_PROCESS"})
    expect(rows.nth(2)).to_contain_text("cancelled")


def test_a_log_is_followed_to_its_end(page: Page, shown, tmp_path: Path) -> None:
    engine, cluster, _, url = shown
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"seq -f 'line %.0f' 20000; read -r word < {gate}; echo the $word word"
    engine.modify_cluster({"ClusterId": cluster, "StepConcurrencyLevel": 5})
    add = {"JobFlowId": cluster, "Steps": [step("bash", "-c", script, name="prints a lot")]}
    (prints,) = engine.add_job_flow_steps(add)["StepIds"]
    page.goto(f"{url}clusters/{cluster}/steps/{prints}#{KEY}")
    log = page.locator("#log")
    expect(page.get_by_role("tab", selected=True)).to_have_text(re.compile("stdout"))
    expect(log).to_contain_text("line 20000")
    assert "line 1\n" not in log.inner_text()
    with gate.open("w") as going_on:
        going_on.write("last\n")
    expect(log).to_contain_text("the last word")
    expect(page.locator(".now")).to_contain_text("completed")
    assert log.evaluate("pane => pane.scrollHeight - pane.scrollTop - pane.clientHeight < 8")
    page.get_by_role("button", name="Show what was before").click()
    expect(log.locator("span").first).to_have_text("line 1")
    lines = log.evaluate("pane => [...pane.children].map(line => line.textContent)")
    assert lines == [*(f"line {n}" for n in range(1, 20001)), "the last word", ""]
    page.get_by_role("tab", name="stdout").press("ArrowRight")
    expect(page.get_by_role("tab", selected=True)).to_be_focused()
    expect(log).to_have_text("It is empty.")


def test_a_step_is_cancelled_and_the_cluster_terminated_after_a_question(page: Page, shown) -> None:
    engine, cluster, running, url = shown
    page.goto(f"{url}clusters/{cluster}/steps/{running}#{KEY}")
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("button", name="Keep it running").click()
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_label(re.compile("Kill it")).check()
    page.get_by_role("button", name="Cancel the step").click()
    expect(page.locator(".now")).to_contain_text("cancelled")
    page.get_by_role("link", name="lakelab", exact=True).click()
    page.get_by_role("button", name="Terminate …").click()
    page.get_by_role("dialog").get_by_role("button", name="Terminate").click()
    expect(page.locator(".now")).to_contain_text("Terminated by user request")
    engine.wait_for_cluster(cluster, ("TERMINATED",), 60)
    expect(page.get_by_role("button", name="Terminate …")).to_be_hidden()


def test_a_failed_step_leads_to_the_log_that_tells_why(page: Page, shown) -> None:
    _, cluster, _, url = shown
    page.goto(f"{url}clusters/{cluster}/steps/s-1NIGHT99ERP?log=controller#{KEY}")
    expect(page.get_by_role("tab", selected=True)).to_have_text(re.compile("controller"))
    page.get_by_role("button", name=re.compile(r"stderr\.gz$")).click()
    expect(page.locator("#log .ill")).to_have_text("Traceback (most recent call last):")
