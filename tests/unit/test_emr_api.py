"""The operations answer in AWS's shapes and refuse in AWS's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from aws_model import check_input, check_output
from emr_lab import MINIMAL, Emr, shell, step

from services.aws.emr.errors import EmrError, InvalidRequestException, ValidationException

FULL_REQUEST = {
    "Name": "school",
    "LogUri": "s3://logs/emr/",
    "ReleaseLabel": "emr-7.13.0",
    "Instances": {
        "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
        "Ec2KeyName": "key",
        "Ec2SubnetId": "subnet-1",
        "KeepJobFlowAliveWhenNoSteps": True,
        "TerminationProtected": False,
        "EmrManagedMasterSecurityGroup": "sg-1",
    },
    "Applications": [{"Name": "Spark"}, {"Name": "Hive"}],
    "Configurations": [{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "2"}}],
    "BootstrapActions": [{"Name": "boot", "ScriptBootstrapAction": {"Path": "s3://logs/boot.sh", "Args": ["a"]}}],
    "VisibleToAllUsers": True,
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
    "Tags": [{"Key": "for", "Value": "lesson"}],
    "StepConcurrencyLevel": 1,
    "EbsRootVolumeSize": 32,
    "Steps": [
        {
            "Name": "with all",
            "ActionOnFailure": "TERMINATE_JOB_FLOW",
            "HadoopJarStep": {
                "Jar": "command-runner.jar",
                "Args": ["true"],
                "MainClass": "none",
                "Properties": [{"Key": "a", "Value": "b"}, {"Key": "empty"}],
            },
        }
    ],
}


def refused(error: type[EmrError], call, request: dict, words: str) -> None:
    with pytest.raises(error) as caught:
        call(request)
    assert words in caught.value.message
    assert (caught.value.code, caught.value.status) == (error.__name__, 400)


def test_every_answer_fits_awss_model(emr: Emr) -> None:
    emr.storage.write("s3://logs/boot.sh", b"exit 0\n")
    check_input("RunJobFlow", FULL_REQUEST)
    engine = emr.engine
    answer = engine.run_job_flow(FULL_REQUEST)
    check_output("RunJobFlow", answer)
    cluster = answer["JobFlowId"]
    emr.ended(cluster)
    added = engine.add_job_flow_steps(
        {"JobFlowId": cluster, "Steps": [shell("exit 3")], "ExecutionRoleArn": "arn:aws:iam::000000000000:role/run"}
    )
    check_output("AddJobFlowSteps", added)
    emr.ended(cluster)

    described = engine.describe_cluster({"ClusterId": cluster})
    check_output("DescribeCluster", described)
    check_output("ListClusters", engine.list_clusters({}))
    failed = engine.describe_step({"ClusterId": cluster, "StepId": added["StepIds"][0]})
    check_output("DescribeStep", failed)
    check_output("ListSteps", engine.list_steps({"ClusterId": cluster}))
    check_output("ModifyCluster", engine.modify_cluster({"ClusterId": cluster, "StepConcurrencyLevel": 4}))
    check_output("ListBootstrapActions", engine.list_bootstrap_actions({"ClusterId": cluster}))
    cancelled = engine.cancel_steps({"ClusterId": cluster, "StepIds": added["StepIds"]})
    check_output("CancelSteps", cancelled)
    check_output(
        "SetTerminationProtection",
        engine.set_termination_protection({"JobFlowIds": [cluster], "TerminationProtected": False}),
    )
    check_output("TerminateJobFlows", engine.terminate_job_flows({"JobFlowIds": [cluster]}))
    emr.over(cluster)
    check_output("DescribeCluster", engine.describe_cluster({"ClusterId": cluster}))

    shown = described["Cluster"]
    assert re.fullmatch("j-[A-Z0-9]{13}", cluster)
    assert re.fullmatch("s-[A-Z0-9]{13}", added["StepIds"][0])
    assert answer["ClusterArn"] == f"arn:aws:elasticmapreduce:eu-west-1:000000000000:cluster/{cluster}"
    assert shown["LogUri"] == "s3://logs/emr/"
    assert shown["Ec2InstanceAttributes"]["IamInstanceProfile"] == "EMR_EC2_DefaultRole"
    assert shown["Tags"] == [{"Key": "for", "Value": "lesson"}]
    assert shown["AutoTerminate"] is False
    assert failed["Step"]["ExecutionRoleArn"] == "arn:aws:iam::000000000000:role/run"
    all_of_it = engine.list_steps({"ClusterId": cluster})["Steps"][1]
    assert all_of_it["Config"] == {
        "Jar": "command-runner.jar",
        "Args": ["true"],
        "MainClass": "none",
        "Properties": {"a": "b", "empty": ""},
    }


def test_lists_are_newest_first_and_come_in_pages(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    ids = emr.add(cluster, shell(gate.wait), *(shell("true") for _ in range(59)))
    gate.reached()

    first = emr.engine.list_steps({"ClusterId": cluster})
    second = emr.engine.list_steps({"ClusterId": cluster, "Marker": first["Marker"]})

    assert [s["Id"] for s in first["Steps"] + second["Steps"]] == ids[::-1]
    assert len(first["Steps"]) == 50
    assert "Marker" not in second
    pending = emr.engine.list_steps({"ClusterId": cluster, "StepIds": ids[:3], "StepStates": ["PENDING"]})
    assert [s["Id"] for s in pending["Steps"]] == [ids[2], ids[1]]
    refused(InvalidRequestException, emr.engine.list_steps, {"ClusterId": cluster, "Marker": "x"}, "Marker 'x'")


def test_clusters_are_found_by_state_and_time(emr: Emr) -> None:
    old, new = emr.cluster(), emr.cluster()
    emr.engine.terminate_job_flows({"JobFlowIds": [old]})
    emr.over(old)
    later = datetime.now(UTC) + timedelta(hours=1)

    def found(**by: object) -> list[str]:
        return [c["Id"] for c in emr.engine.list_clusters(by)["Clusters"]]

    assert found() == [new, old]
    assert found(ClusterStates=["TERMINATED"]) == [old]
    assert found(CreatedBefore=later) == [new, old]
    assert found(CreatedAfter=later) == []


def test_termination_protection_holds_until_it_is_lifted(emr: Emr) -> None:
    safe, other = emr.cluster(instances={"TerminationProtected": True}), emr.cluster()

    refused(
        ValidationException, emr.engine.terminate_job_flows, {"JobFlowIds": [safe, other]},
        "Could not shut down one or more job flows since they are termination protected.",
    )  # fmt: skip

    assert emr.over(other)["State"] == "TERMINATED"
    assert emr.status(safe)["State"] == "WAITING"
    emr.engine.set_termination_protection({"JobFlowIds": [safe], "TerminationProtected": False})
    emr.engine.terminate_job_flows({"JobFlowIds": [safe]})
    assert emr.over(safe)["State"] == "TERMINATED"


def test_a_finished_cluster_takes_nothing_more(emr: Emr) -> None:
    cluster = emr.cluster(keep=False, wait=False)
    emr.over(cluster)
    words = "A job flow that is shutting down, terminated, or finished may not be modified."

    refused(ValidationException, emr.engine.add_job_flow_steps, {"JobFlowId": cluster, "Steps": [shell("true")]}, words)
    change = {"ClusterId": cluster, "StepConcurrencyLevel": 2}
    refused(InvalidRequestException, emr.engine.modify_cluster, change, words)
    refused(
        ValidationException, emr.engine.set_termination_protection,
        {"JobFlowIds": [cluster], "TerminationProtected": True}, words,
    )  # fmt: skip
    assert emr.engine.terminate_job_flows({"JobFlowIds": [cluster]}) is None


def test_unknown_ids_are_refused_in_awss_words(emr: Emr) -> None:
    cluster, engine = emr.cluster(), emr.engine
    gone, wrong = "Specified job flow ID does not exist.", "Specified job flow ID not valid."

    refused(InvalidRequestException, engine.describe_cluster, {"ClusterId": "j-NO"}, "Cluster id 'j-NO' is not valid.")
    refused(
        InvalidRequestException, engine.describe_step, {"ClusterId": cluster, "StepId": "s-NO"},
        "Step id 's-NO' is not valid.",
    )  # fmt: skip
    refused(ValidationException, engine.add_job_flow_steps, {"JobFlowId": "j-NO", "Steps": [shell("true")]}, wrong)
    refused(ValidationException, engine.terminate_job_flows, {"JobFlowIds": ["j-0123456789ABC"]}, gone)
    refused(ValidationException, engine.terminate_job_flows, {"JobFlowIds": []}, "The JobFlowId list cannot be empty")
    refused(InvalidRequestException, engine.cancel_steps, {"ClusterId": cluster, "StepIds": ["s-NO"]}, "s-NO")
    refused(ValidationException, engine.run_job_flow, {"Instances": {}}, "Value null at 'name'")
    with pytest.raises(ValueError, match="no log 'secrets'"):
        engine.step_log(cluster, "s-NO", "secrets")


def test_at_most_256_steps_are_active(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    ids = emr.add(cluster, shell(gate.wait), *(shell("true") for _ in range(255)))
    request = {"JobFlowId": cluster, "Steps": [shell("true")]}
    words = "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."

    refused(ValidationException, emr.engine.add_job_flow_steps, request, words)

    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": ids[1:]})
    assert len(emr.engine.add_job_flow_steps(request)["StepIds"]) == 1


@pytest.mark.parametrize("action", ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW", "CANCEL_AND_WAIT"])
def test_steps_side_by_side_must_continue(emr: Emr, action: str) -> None:
    cluster = emr.cluster(StepConcurrencyLevel=2)
    request = {"JobFlowId": cluster, "Steps": [shell("true"), shell("true", action=action)]}

    refused(ValidationException, emr.engine.add_job_flow_steps, request, f"ActionOnFailure {action} is not valid")

    assert emr.states(cluster) == []
    assert emr.run(cluster, shell("true", action=None))[0]["State"] == "COMPLETED"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"LogUri": "s3://nowhere/x"}, "bucket nowhere does not exist"),
        ({"LogUri": "/tmp/logs"}, "must be an address in S3"),
        ({"StepConcurrencyLevel": 0}, "between 1 and 256, but was 0"),
        ({"StepConcurrencyLevel": 257}, "between 1 and 256, but was 257"),
        ({"Steps": [step("x", action="EXPLODE")]}, "ActionOnFailure EXPLODE is not valid"),
        ({"Steps": [step("x" * 10241)]}, "cannot exceed a total of 10240 characters"),
        ({"Steps": [{**step("x"), "StepMonitoringConfiguration": {}}]}, "StepMonitoringConfiguration"),
        ({"Steps": [step("true")] * 257}, "Maximum number of active steps"),
        ({"Instances": {"InstanceGroups": [], "InstanceFleets": []}}, "one and only one"),
    ],
)
def test_a_request_that_cannot_be_done_makes_no_cluster(emr: Emr, change: dict, words: str) -> None:
    request = {**MINIMAL, **change}

    refused(ValidationException, emr.engine.run_job_flow, request, words)

    assert emr.engine.list_clusters({}) == {"Clusters": []}


def test_waiting_ends_with_what_was_awaited(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    emr.add(cluster, shell(gate.wait))

    with pytest.raises(TimeoutError, match=f"the end of 1 steps of {cluster}"):
        emr.engine.wait_for_steps(cluster, timeout=0.05)
