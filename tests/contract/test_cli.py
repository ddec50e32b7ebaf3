"""The AWS CLI's own `emr` commands: most of them are programs over several operations, with answers of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cli import Cli
from endpoint import PATIENCE, RELEASE, Endpoint
from polling import poll_until

NODES = ["--instance-groups", "InstanceGroupType=MASTER,InstanceCount=1,InstanceType=m5.xlarge"]
HOLD = "Type=CUSTOM_JAR,Name=hold,ActionOnFailure=CONTINUE,Jar=command-runner.jar,Args=[sleep,600]"


@pytest.fixture(scope="module")
def cli(aws: Endpoint) -> Cli:
    return Cli(aws)


def step(name: str, *args: str, action: str = "CONTINUE") -> str:
    """A step in the CLI's shorthand."""
    words = ",".join(args)
    return f"Type=CUSTOM_JAR,Name={name},ActionOnFailure={action},Jar=command-runner.jar,Args=[{words}]"


def created(cli: Cli, *more: str, nodes: list[str] = NODES) -> str:
    """`create-cluster` with as little as the CLI takes; returns the cluster's id."""
    answer = cli("create-cluster", "--name", "by the CLI", "--release-label", RELEASE, "--use-default-roles",
                 "--log-uri", f"s3://{cli.aws.bucket}/contract/logs/", *nodes, *more)  # fmt: skip
    cli.aws.started.append(answer["ClusterId"])
    assert answer["ClusterArn"].endswith(f":cluster/{answer['ClusterId']}")
    return str(answer["ClusterId"])


@pytest.fixture(scope="module")
def transient(cli: Cli) -> str:
    """A cluster that ends with its steps."""
    return created(cli, "--auto-terminate", "--steps", step("first", "true"), step("second", "true"),
                   "--tags", "team=data", "for=contract", "--applications", "Name=Spark", "Name=Hive")  # fmt: skip


@pytest.fixture(scope="module")
def standing(cli: Cli) -> str:
    """A cluster that waits for steps."""
    cluster = created(cli, "--no-auto-terminate")
    cli.aws.reach(cluster, "WAITING")
    return cluster


def test_a_transient_cluster_from_its_creation_to_its_end(cli: Cli, transient: str) -> None:
    cli("wait", "cluster-terminated", "--cluster-id", transient)

    found = cli("describe-cluster", "--cluster-id", transient)["Cluster"]
    steps = cli("list-steps", "--cluster-id", transient)["Steps"]

    assert found["Status"]["State"] == "TERMINATED"
    assert found["Status"]["StateChangeReason"] == {"Code": "ALL_STEPS_COMPLETED", "Message": "Steps completed"}
    assert found["AutoTerminate"] is True
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"team": "data", "for": "contract"}
    assert {application["Name"] for application in found["Applications"]} == {"Spark", "Hive"}
    # The command puts into one answer what two operations give.
    (group,) = found["InstanceGroups"]
    assert (group["InstanceGroupType"], group["RequestedInstanceCount"]) == ("MASTER", 1)
    assert [(each["Name"], each["Status"]["State"]) for each in steps] == [
        ("second", "COMPLETED"), ("first", "COMPLETED"),
    ]  # fmt: skip
    assert found["ServiceRole"] == "EMR_DefaultRole"
    assert found["Ec2InstanceAttributes"]["IamInstanceProfile"] == "EMR_EC2_DefaultRole"


def test_waiting_for_a_cluster_that_has_ended_is_an_error(cli: Cli, transient: str) -> None:
    cli.aws.reach(transient, "TERMINATED")
    said = cli.refused("wait", "cluster-running", "--cluster-id", transient)
    assert "Waiter ClusterRunning failed: Waiter encountered a terminal failure state" in said


def test_lists_of_clusters_by_their_state(cli: Cli, standing: str, transient: str) -> None:
    cli.aws.reach(transient, "TERMINATED")
    active = {each["Id"]: each["Status"]["State"] for each in cli("list-clusters", "--active")["Clusters"]}
    ended = {each["Id"] for each in cli("list-clusters", "--terminated")["Clusters"]}

    assert active[standing] == "WAITING"
    assert transient in ended
    assert not ended & set(active)


def test_a_step_is_added_awaited_and_described(cli: Cli, standing: str) -> None:
    cli("wait", "cluster-running", "--cluster-id", standing)
    (added,) = cli("add-steps", "--cluster-id", standing, "--steps", step("hello", "echo", "hello"))["StepIds"]
    cli("wait", "step-complete", "--cluster-id", standing, "--step-id", added)

    found = cli("describe-step", "--cluster-id", standing, "--step-id", added)["Step"]

    assert (found["Id"], found["Name"], found["Status"]["State"]) == (added, "hello", "COMPLETED")
    assert (found["Config"]["Jar"], found["Config"]["Args"]) == ("command-runner.jar", ["echo", "hello"])
    completed = cli("list-steps", "--cluster-id", standing, "--step-states", "COMPLETED")["Steps"]
    assert added in [each["Id"] for each in completed]


def test_a_step_that_fails_says_why(cli: Cli, standing: str) -> None:
    words = step("wrong", "ls", "/no/such/folder")
    (added,) = cli("add-steps", "--cluster-id", standing, "--steps", words)["StepIds"]
    cli.aws.step_in(standing, added, "FAILED")

    said = cli.refused("wait", "step-complete", "--cluster-id", standing, "--step-id", added)
    status = cli("describe-step", "--cluster-id", standing, "--step-id", added)["Step"]["Status"]

    assert "Waiter StepComplete failed: Waiter encountered a terminal failure state" in said
    assert f"/{standing}/steps/{added}/" in status["FailureDetails"]["LogFile"]


def test_the_kinds_of_steps_that_the_cli_knows_are_what_command_runner_runs(
    cli: Cli, standing: str, tmp_path: Path
) -> None:
    script = f"s3://{cli.aws.bucket}/contract/none.hql"
    kinds = [
        {"Type": "Spark", "Name": "spark", "ActionOnFailure": "CONTINUE", "Args": ["--version"]},
        {"Type": "HIVE", "Name": "hive", "ActionOnFailure": "CONTINUE", "Args": ["-f", script, "-d", "DAY=1"]},
    ]
    (tmp_path / "steps.json").write_text(json.dumps(kinds))
    (held,) = cli("add-steps", "--cluster-id", standing, "--steps", HOLD)["StepIds"]
    ids = cli("add-steps", "--cluster-id", standing, "--steps", f"file://{tmp_path / 'steps.json'}")["StepIds"]

    found = {each["Id"]: each["Config"] for each in cli("list-steps", "--cluster-id", standing)["Steps"]}
    cli.aws.emr.cancel_steps(ClusterId=standing, StepIds=[*ids, held])

    assert [found[each]["Jar"] for each in ids] == ["command-runner.jar", "command-runner.jar"]
    assert found[ids[0]]["Args"] == ["spark-submit", "--version"]
    assert found[ids[1]]["Args"] == ["hive-script", "--run-hive-script", "--args", "-f", script, "-d", "DAY=1"]
    cli.aws.reach(standing, "WAITING")


def test_steps_are_cancelled(cli: Cli, standing: str) -> None:
    running, pending = cli("add-steps", "--cluster-id", standing, "--steps", HOLD, step("next", "true"))["StepIds"]
    cli.aws.step_in(standing, running, "RUNNING")

    told = cli("cancel-steps", "--cluster-id", standing, "--step-ids", running, pending,
               "--step-cancellation-option", "TERMINATE_PROCESS")["CancelStepsInfoList"]  # fmt: skip

    assert {each["StepId"]: each["Status"] for each in told} == {running: "SUBMITTED", pending: "SUBMITTED"}
    for each in (running, pending):
        cli.aws.step_in(standing, each, "CANCELLED")
    assert cli("list-steps", "--cluster-id", standing, "--step-states", "CANCELLED")["Steps"]


def test_instances_are_listed(cli: Cli, standing: str) -> None:
    found = cli("list-instances", "--cluster-id", standing, "--instance-group-types", "MASTER")["Instances"]
    assert [(each["InstanceType"], each["Status"]["State"]) for each in found] == [("m5.xlarge", "RUNNING")]
    assert found[0]["Ec2InstanceId"].startswith("i-")


def test_the_switches_of_a_cluster(cli: Cli, standing: str) -> None:
    def described() -> dict[str, Any]:
        return dict(cli("describe-cluster", "--cluster-id", standing)["Cluster"])

    cli("modify-cluster-attributes", "--cluster-id", standing, "--termination-protected", "--no-visible-to-all-users")
    found = described()
    assert (found["TerminationProtected"], found["VisibleToAllUsers"]) == (True, False)
    said = cli.refused("terminate-clusters", "--cluster-ids", standing)
    assert "(ValidationException) when calling the TerminateJobFlows operation" in said
    assert "termination protected" in said
    cli("modify-cluster-attributes", "--cluster-id", standing, "--no-termination-protected")
    cli("add-tags", "--resource-id", standing, "--tags", "team=data", "empty")
    cli("remove-tags", "--resource-id", standing, "--tag-keys", "team")
    found = described()
    assert found["TerminationProtected"] is False
    assert found["Tags"] == [{"Key": "empty", "Value": ""}]


def test_an_auto_termination_policy(cli: Cli, standing: str) -> None:
    given = ["--auto-termination-policy", "IdleTimeout=7200"]
    cli("put-auto-termination-policy", "--cluster-id", standing, *given)
    found = cli("get-auto-termination-policy", "--cluster-id", standing)
    cli("remove-auto-termination-policy", "--cluster-id", standing)
    assert found["AutoTerminationPolicy"] == {"IdleTimeout": 7200}
    assert "AutoTerminationPolicy" not in (cli("get-auto-termination-policy", "--cluster-id", standing) or {})


def test_what_create_cluster_takes_beside_steps(cli: Cli, tmp_path: Path) -> None:
    spark = [{"Classification": "spark-defaults", "Properties": {"spark.executor.cores": "2"}}]
    (tmp_path / "configurations.json").write_text(json.dumps(spark))
    script = cli.aws.put("cli.sh", '#!/bin/bash\n[ "$1" = yes ]\n')

    cluster = created(
        cli, "--no-auto-terminate", "--configurations", f"file://{tmp_path / 'configurations.json'}",
        "--bootstrap-actions", f"Path={script},Name=check,Args=[yes]", "--step-concurrency-level", "2",
        "--auto-termination-policy", "IdleTimeout=3600",
        nodes=["--instance-type", "m5.xlarge", "--instance-count", "3"],
    )  # fmt: skip
    cli.aws.reach(cluster, "WAITING")
    found = cli("describe-cluster", "--cluster-id", cluster)["Cluster"]

    assert found["Configurations"] == spark
    assert found["StepConcurrencyLevel"] == 2
    assert found["BootstrapActions"] == [{"Name": "check", "ScriptPath": script, "Args": ["yes"]}]
    counts = {group["InstanceGroupType"]: group["RequestedInstanceCount"] for group in found["InstanceGroups"]}
    assert counts == {"MASTER": 1, "CORE": 2}
    cli("terminate-clusters", "--cluster-ids", cluster)
    assert cli.aws.reach(cluster, "TERMINATED")["StateChangeReason"]["Code"] == "USER_REQUEST"


def test_errors_are_told_in_awss_form(cli: Cli) -> None:
    said = cli.refused("describe-cluster", "--cluster-id", "j-0000000000000")
    assert said.endswith(
        "An error occurred (InvalidRequestException) when calling the DescribeCluster operation: "
        "Cluster id 'j-0000000000000' is not valid."
    )
    said = cli.refused("create-cluster", "--release-label", "emr-7.99.0", "--use-default-roles", *NODES)
    assert "(ValidationException) when calling the RunJobFlow operation" in said


def test_the_standing_cluster_is_terminated(cli: Cli, standing: str) -> None:
    cli("terminate-clusters", "--cluster-ids", standing)
    ended = poll_until(lambda: cli.aws.status(standing)["State"] == "TERMINATED", f"{standing} to end", PATIENCE)
    assert ended
    cli("wait", "cluster-terminated", "--cluster-id", standing)
