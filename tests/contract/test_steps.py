"""Steps: what they run, how they end, are cancelled and listed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import WaiterError
from endpoint import CORE, HOLD, PRIMARY, STUBBORN, Endpoint, command, refused, shell

QUICK = {"Delay": 1, "MaxAttempts": 900}  # of a waiter


def test_a_step_from_request_to_end(aws: Endpoint, standing: str) -> None:
    config = {
        "Name": "all of it",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {
            "Jar": "command-runner.jar",
            "Args": ["echo", "hello"],
            "Properties": [{"Key": "a", "Value": "b"}],
        },
    }
    (step,) = aws.add(standing, config)

    status = aws.step_in(standing, step, "COMPLETED")

    found = aws.emr.describe_step(ClusterId=standing, StepId=step)["Step"]
    line = status["Timeline"]
    assert line["CreationDateTime"] <= line["StartDateTime"] <= line["EndDateTime"]
    assert found["Id"] == step
    assert found["Name"] == "all of it"
    assert found["ActionOnFailure"] == "CONTINUE"
    assert found["Config"]["Jar"] == "command-runner.jar"
    assert found["Config"]["Args"] == ["echo", "hello"]
    assert found["Config"]["Properties"] == {"a": "b"}
    reason = aws.reach(standing, "WAITING")["StateChangeReason"]
    assert reason == {"Message": "Cluster ready after last step completed."}


def test_a_failed_step_names_its_cause_and_its_log(aws: Endpoint, standing: str) -> None:
    (step,) = aws.add(standing, shell("echo 'No such table' >&2; exit 3"))

    details = aws.step_in(standing, step, "FAILED")["FailureDetails"]

    assert details["Reason"]
    assert details["Message"]
    assert f"/{standing}/steps/{step}/" in details["LogFile"]
    assert aws.reach(standing, "WAITING")["StateChangeReason"]["Message"] == "Cluster ready after last step failed."


def test_a_script_is_fetched_and_run(aws: Endpoint, standing: str) -> None:
    script = aws.put("script.sh", '#!/bin/bash\n[ "$1" = yes ]\n')
    jar = "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar"
    good, bad = aws.add(
        standing,
        *({**command(script, word), "HadoopJarStep": {"Jar": jar, "Args": [script, word]}} for word in ("yes", "no")),
    )
    aws.step_in(standing, good, "COMPLETED")
    aws.step_in(standing, bad, "FAILED")


def test_cancelling_what_waits_and_what_runs(aws: Endpoint, standing: str) -> None:
    running, pending = aws.add(standing, HOLD, shell("true"))
    aws.step_in(standing, running, "RUNNING")
    assert aws.step(standing, pending)["State"] == "PENDING"

    answer = aws.emr.cancel_steps(ClusterId=standing, StepIds=[pending, running])["CancelStepsInfoList"]

    assert sorted(answer, key=lambda info: info["StepId"] != pending) == [
        {"StepId": pending, "Status": "SUBMITTED"}, {"StepId": running, "Status": "SUBMITTED"},
    ]  # fmt: skip
    assert aws.step_in(standing, pending, "CANCELLED")["Timeline"].keys() >= {"CreationDateTime", "EndDateTime"}
    aws.step_in(standing, running, "CANCELLED")
    (again,) = aws.emr.cancel_steps(ClusterId=standing, StepIds=[running])["CancelStepsInfoList"]
    assert again["Status"] == "FAILED"
    assert again["Reason"]


def test_a_step_that_ignores_the_interrupt_is_cancel_pending_until_its_process_is_ended(
    aws: Endpoint, standing: str
) -> None:
    (step,) = aws.add(standing, STUBBORN)
    aws.step_in(standing, step, "RUNNING")
    request = {"ClusterId": standing, "StepIds": [step]}

    aws.emr.cancel_steps(**request, StepCancellationOption="SEND_INTERRUPT")
    aws.step_in(standing, step, "CANCEL_PENDING", "CANCELLED")  # it may not have got to its trap
    aws.emr.cancel_steps(**request, StepCancellationOption="TERMINATE_PROCESS")

    aws.step_in(standing, step, "CANCELLED")


def test_a_failure_may_cancel_the_queue(aws: Endpoint, standing: str) -> None:
    failing, second, third = aws.add(standing, shell("exit 1", action="CANCEL_AND_WAIT"), shell("true"), shell("true"))
    aws.step_in(standing, failing, "FAILED")
    for step in (second, third):
        aws.step_in(standing, step, "CANCELLED")
    aws.reach(standing, "WAITING")


def test_steps_run_side_by_side(aws: Endpoint) -> None:
    cluster = aws.waiting(StepConcurrencyLevel=2)
    first, second, third = aws.add(cluster, HOLD, HOLD, HOLD)
    for step in (first, second):
        aws.step_in(cluster, step, "RUNNING")
    assert aws.step(cluster, third)["State"] == "PENDING"

    aws.emr.terminate_job_flows(JobFlowIds=[cluster])

    aws.reach(cluster, "TERMINATED")
    for step in (first, second):
        aws.step_in(cluster, step, "INTERRUPTED")
    aws.step_in(cluster, third, "CANCELLED")


def test_lists_are_newest_first_in_pages_that_hold_still(aws: Endpoint) -> None:
    cluster = aws.waiting()
    ids = aws.add(cluster, HOLD, *[shell("true")] * 59)
    aws.step_in(cluster, ids[0], "RUNNING")

    first = aws.emr.list_steps(ClusterId=cluster)
    later = aws.add(cluster, shell("true"))
    second = aws.emr.list_steps(ClusterId=cluster, Marker=first["Marker"])

    assert [step["Id"] for step in (*first["Steps"], *second["Steps"])] == ids[::-1]
    assert len(first["Steps"]) == 50
    assert "Marker" not in second
    every = [s["Id"] for page in aws.emr.get_paginator("list_steps").paginate(ClusterId=cluster) for s in page["Steps"]]
    assert every == [*later, *ids[::-1]]
    running = aws.emr.list_steps(ClusterId=cluster, StepStates=["RUNNING"])["Steps"]
    assert [step["Id"] for step in running] == ids[:1]
    some = aws.emr.list_steps(ClusterId=cluster, StepIds=[ids[3], ids[1]])["Steps"]
    assert {step["Id"] for step in some} == {ids[1], ids[3]}
    refused(aws.emr.list_steps, "InvalidRequestException", "Marker", ClusterId=cluster, Marker="nowhere")
    refused(aws.emr.list_steps, "InvalidRequestException", "step ids", ClusterId=cluster, StepIds=ids[:11])
    aws.emr.terminate_job_flows(JobFlowIds=[cluster])


def test_at_most_256_steps_are_active(aws: Endpoint) -> None:
    cluster = aws.waiting()
    aws.add(cluster, HOLD, *[shell("true")] * 255)
    words = "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."
    refused(aws.emr.add_job_flow_steps, "ValidationException", words, JobFlowId=cluster, Steps=[shell("true")])
    aws.emr.terminate_job_flows(JobFlowIds=[cluster])


def test_what_cannot_be_a_step(aws: Endpoint, standing: str) -> None:
    add = aws.emr.add_job_flow_steps
    long = command("echo", "x" * 10240)
    refused(add, "ValidationException", "list cannot be empty", JobFlowId=standing, Steps=[])
    refused(aws.emr.cancel_steps, "InvalidRequestException", "list cannot be empty", ClusterId=standing, StepIds=[])
    refused(add, "ValidationException", "cannot exceed a total of 10240", JobFlowId=standing, Steps=[long])
    refused(
        add, "ValidationException", "Member must satisfy enum value set", JobFlowId=standing,
        Steps=[command("true", action="EXPLODE")],
    )  # fmt: skip
    refused(
        aws.emr.describe_step, "InvalidRequestException", "Step id 's-NONE' is not valid.",
        ClusterId=standing, StepId="s-NONE",
    )  # fmt: skip
    refused(
        aws.emr.cancel_steps, "InvalidRequestException", "Step id 's-NONE' is not valid.",
        ClusterId=standing, StepIds=["s-NONE"],
    )  # fmt: skip


def test_waiters_see_the_end(aws: Endpoint) -> None:
    cluster = aws.run(keep=False, Steps=[shell("true")])
    (step,) = aws.emr.list_steps(ClusterId=cluster)["Steps"]
    aws.emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=step["Id"], WaiterConfig=QUICK)
    aws.emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=QUICK)


def test_waiters_see_what_will_never_come(aws: Endpoint, ended: str) -> None:
    cluster = aws.run(Steps=[shell("exit 1")])
    aws.emr.get_waiter("cluster_running").wait(ClusterId=cluster, WaiterConfig=QUICK)
    (step,) = aws.emr.list_steps(ClusterId=cluster)["Steps"]
    with pytest.raises(WaiterError, match="terminal failure"):
        aws.emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=step["Id"], WaiterConfig=QUICK)
    with pytest.raises(WaiterError, match="terminal failure"):
        aws.emr.get_waiter("cluster_running").wait(ClusterId=ended, WaiterConfig=QUICK)
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        aws.emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    aws.terminate(cluster)


def test_every_paginator_reads_to_the_end(aws: Endpoint) -> None:
    true = aws.put("paged.sh", "exit 0\n")
    actions = [{"Name": f"action {number}", "ScriptBootstrapAction": {"Path": true}} for number in range(2)]
    cluster = aws.waiting(BootstrapActions=actions, instances={"InstanceGroups": [PRIMARY, CORE]})
    ids = aws.add(cluster, *[shell("true")] * 55)

    def read(operation: str, member: str) -> list[dict[str, Any]]:
        pages = aws.emr.get_paginator(operation).paginate(ClusterId=cluster)
        return [each for page in pages for each in page[member]]

    assert [each["Id"] for each in read("list_steps", "Steps")] == ids[::-1]
    assert {each["InstanceGroupType"] for each in read("list_instance_groups", "InstanceGroups")} == {"MASTER", "CORE"}
    assert len(read("list_instances", "Instances")) == 3
    found = [each["Name"] for each in read("list_bootstrap_actions", "BootstrapActions")]
    assert found == ["action 0", "action 1"]
    aws.terminate(cluster)
