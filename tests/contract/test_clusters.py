"""Clusters: how they start, end and are listed; what cannot be one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from endpoint import CORE, HOLD, PRIMARY, RELEASE, Endpoint, command, refused, shell
from polling import poll_until

NOBODY = "j-0000000000000"
GONE = "A job flow that is shutting down, terminated, or finished may not be modified."


def test_a_cluster_from_request_to_description(aws: Endpoint) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    made = aws.emr.run_job_flow(
        **aws.request(
            Name="described",
            instances={
                "InstanceGroups": [PRIMARY, CORE],
                "TerminationProtected": True,
                "UnhealthyNodeReplacement": True,
            },
            Applications=[{"Name": "spark"}, {"Name": "Hive"}],
            Configurations=[{"Classification": "spark-defaults", "Properties": {"spark.executor.cores": "2"}}],
            Tags=[{"Key": "team", "Value": "data"}],
            StepConcurrencyLevel=3,
            VisibleToAllUsers=True,
            ScaleDownBehavior="TERMINATE_AT_TASK_COMPLETION",
            EbsRootVolumeSize=20,
        )
    )
    cluster = made["JobFlowId"]
    aws.started.append(cluster)
    assert re.fullmatch(r"j-[A-Z0-9]{13}", cluster)
    assert re.fullmatch(rf"arn:aws:elasticmapreduce:[a-z0-9-]+:\d{{12}}:cluster/{cluster}", made["ClusterArn"])

    aws.reach(cluster, "WAITING")
    found = aws.emr.describe_cluster(ClusterId=cluster)["Cluster"]

    line = found["Status"]["Timeline"]
    assert before < line["CreationDateTime"] <= line["ReadyDateTime"]
    assert found["Status"]["StateChangeReason"] == {"Message": "Cluster ready to run steps."}
    assert {application["Name"] for application in found["Applications"]} == {"Spark", "Hive"}
    assert all(re.match(r"\d+\.\d+", application["Version"]) for application in found["Applications"])
    expected = {
        "Id": cluster, "Name": "described", "ReleaseLabel": RELEASE, "AutoTerminate": False,
        "TerminationProtected": True, "UnhealthyNodeReplacement": True, "VisibleToAllUsers": True,
        "InstanceCollectionType": "INSTANCE_GROUP", "StepConcurrencyLevel": 3, "ServiceRole": "EMR_DefaultRole",
        "ClusterArn": made["ClusterArn"], "Tags": [{"Key": "team", "Value": "data"}], "NormalizedInstanceHours": 0,
        "Configurations": [{"Classification": "spark-defaults", "Properties": {"spark.executor.cores": "2"}}],
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION", "EbsRootVolumeSize": 20,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["Ec2InstanceAttributes"]["IamInstanceProfile"] == "EMR_EC2_DefaultRole"
    assert found["MasterPublicDnsName"]


def test_a_cluster_goes_through_awss_states(aws: Endpoint) -> None:
    slow = aws.put("slow.sh", "#!/bin/bash\nsleep 2\n")
    bootstrap = [{"Name": "slow", "ScriptBootstrapAction": {"Path": slow, "Args": ["a", "b"]}}]
    cluster = aws.run(BootstrapActions=bootstrap, Steps=[shell("true"), HOLD])

    seen = [aws.status(cluster)["State"]]
    poll_until(lambda: seen.append(aws.status(cluster)["State"]) or seen[-1] == "RUNNING", "the first step", 900)
    listed = aws.emr.list_bootstrap_actions(ClusterId=cluster)["BootstrapActions"]
    first, second = (step["Id"] for step in reversed(aws.emr.list_steps(ClusterId=cluster)["Steps"]))
    aws.step_in(cluster, second, "RUNNING")
    aws.emr.cancel_steps(ClusterId=cluster, StepIds=[second])
    aws.reach(cluster, "WAITING")
    aws.emr.terminate_job_flows(JobFlowIds=[cluster])
    over = aws.reach(cluster, "TERMINATED")

    order = ["STARTING", "BOOTSTRAPPING", "RUNNING"]
    assert [state for state in order if state in seen] == sorted(set(seen), key=order.index)
    assert "BOOTSTRAPPING" in seen
    assert listed == [{"Name": "slow", "ScriptPath": slow, "Args": ["a", "b"]}]
    assert aws.step(cluster, first)["State"] == "COMPLETED"
    assert over["StateChangeReason"] == {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    assert over["Timeline"]["EndDateTime"] >= over["Timeline"]["ReadyDateTime"]


def test_a_transient_cluster_ends_with_its_steps(aws: Endpoint) -> None:
    good = aws.run(keep=False, Steps=[shell("true")])
    bad = aws.run(keep=False, Steps=[shell("false")])

    assert aws.reach(good, "TERMINATED")["StateChangeReason"] == {
        "Code": "ALL_STEPS_COMPLETED", "Message": "Steps completed",
    }  # fmt: skip
    assert aws.reach(bad, "TERMINATED")["StateChangeReason"]["Message"] == "Steps completed with errors"
    assert aws.emr.describe_cluster(ClusterId=good)["Cluster"]["AutoTerminate"] is True


@pytest.mark.parametrize("action", ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW"])
def test_a_failed_step_may_end_the_cluster(aws: Endpoint, action: str) -> None:
    cluster = aws.run(Steps=[shell("exit 3", action=action), shell("true")])

    status = aws.reach(cluster, "TERMINATED_WITH_ERRORS")

    assert status["StateChangeReason"] == {"Code": "STEP_FAILURE", "Message": "Shut down as step failed"}
    second, first = aws.emr.list_steps(ClusterId=cluster)["Steps"]
    assert (first["Status"]["State"], second["Status"]["State"]) == ("FAILED", "CANCELLED")
    assert first["ActionOnFailure"] == "TERMINATE_CLUSTER"


def test_a_failed_bootstrap_action_ends_the_cluster(aws: Endpoint) -> None:
    bad = aws.put("bad.sh", "#!/bin/bash\nexit 9\n")
    action = {"Name": "bad", "ScriptBootstrapAction": {"Path": bad}}

    status = aws.reach(aws.run(BootstrapActions=[action]), "TERMINATED_WITH_ERRORS")

    assert status["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    assert "bootstrap action 1 returned a non-zero return code" in status["StateChangeReason"]["Message"]


def test_protection_and_the_other_switches(aws: Endpoint) -> None:
    safe, other = aws.waiting(), aws.waiting()
    aws.emr.set_termination_protection(JobFlowIds=[safe], TerminationProtected=True)
    aws.emr.set_visible_to_all_users(JobFlowIds=[safe, other], VisibleToAllUsers=False)
    aws.emr.set_unhealthy_node_replacement(JobFlowIds=[safe], UnhealthyNodeReplacement=True)

    refused(
        aws.emr.terminate_job_flows, "ValidationException",
        "Could not shut down one or more job flows since they are termination protected.", JobFlowIds=[safe, other],
    )  # fmt: skip

    aws.reach(other, "TERMINATED")
    found = aws.emr.describe_cluster(ClusterId=safe)["Cluster"]
    assert (found["TerminationProtected"], found["VisibleToAllUsers"]) == (True, False)
    assert found["UnhealthyNodeReplacement"] is True
    aws.emr.set_termination_protection(JobFlowIds=[safe], TerminationProtected=False)
    # Without anything to do it ends as soon as it need not be kept alive.
    aws.emr.set_keep_job_flow_alive_when_no_steps(JobFlowIds=[safe], KeepJobFlowAliveWhenNoSteps=False)
    assert aws.reach(safe, "TERMINATED")["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"


def test_step_concurrency_can_be_changed(aws: Endpoint, standing: str) -> None:
    assert aws.emr.modify_cluster(ClusterId=standing, StepConcurrencyLevel=2)["StepConcurrencyLevel"] == 2
    refused(
        aws.emr.add_job_flow_steps, "ValidationException", "ActionOnFailure", JobFlowId=standing,
        Steps=[command("true", action="CANCEL_AND_WAIT")],
    )  # fmt: skip
    assert aws.emr.modify_cluster(ClusterId=standing, StepConcurrencyLevel=1)["StepConcurrencyLevel"] == 1
    assert aws.emr.modify_cluster(ClusterId=standing, ExtendedSupport=True)["ExtendedSupport"] is True
    for level in (0, 257):
        with pytest.raises(aws.emr.exceptions.InvalidRequestException, match="between 1 and 256"):
            aws.emr.modify_cluster(ClusterId=standing, StepConcurrencyLevel=level)


def test_clusters_are_listed_by_state_and_time(aws: Endpoint, standing: str, ended: str) -> None:
    def listed(**by: Any) -> list[str]:
        return [c["Id"] for page in aws.emr.get_paginator("list_clusters").paginate(**by) for c in page["Clusters"]]

    created = aws.status(standing)["Timeline"]["CreationDateTime"]
    second = timedelta(seconds=1)
    assert {standing, ended} <= set(listed())
    assert ended in listed(ClusterStates=["TERMINATED"])
    assert standing not in listed(ClusterStates=["TERMINATED"])
    assert standing in listed(CreatedAfter=created - second, CreatedBefore=created + second)
    assert standing not in listed(CreatedAfter=created + second)
    assert standing not in listed(CreatedBefore=created - second)
    one = next(c for c in aws.emr.list_clusters(ClusterStates=["WAITING"])["Clusters"] if c["Id"] == standing)
    assert one["Name"] == "standing"
    assert one["ClusterArn"].endswith(standing)
    refused(aws.emr.list_clusters, "InvalidRequestException", "Marker", Marker="nowhere")


def test_a_cluster_that_is_over_stays_so(aws: Endpoint, ended: str) -> None:
    emr = aws.emr
    add = {"Steps": [shell("true")]}
    refused(emr.add_job_flow_steps, "ValidationException", GONE, JobFlowId=ended, **add)
    for call, request in (
        (emr.set_termination_protection, {"TerminationProtected": True}),
        (emr.set_visible_to_all_users, {"VisibleToAllUsers": True}),
        (emr.set_keep_job_flow_alive_when_no_steps, {"KeepJobFlowAliveWhenNoSteps": True}),
        (emr.set_unhealthy_node_replacement, {"UnhealthyNodeReplacement": True}),
    ):
        refused(call, "ValidationException", GONE, JobFlowIds=[ended], **request)
    refused(emr.modify_cluster, "InvalidRequestException", GONE, ClusterId=ended, StepConcurrencyLevel=2)
    refused(
        emr.add_instance_groups, "ValidationException", GONE, JobFlowId=ended,
        InstanceGroups=[{**CORE, "InstanceRole": "TASK"}],
    )  # fmt: skip
    assert emr.terminate_job_flows(JobFlowIds=[ended])["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_id_of_no_cluster_is_refused_by_every_operation(aws: Endpoint) -> None:
    emr, fleet = aws.emr, {"InstanceFleetId": "if-1"}
    for call, more in (
        (emr.describe_cluster, {}), (emr.list_steps, {}), (emr.list_bootstrap_actions, {}), (emr.list_instances, {}),
        (emr.list_instance_groups, {}), (emr.list_instance_fleets, {}), (emr.get_auto_termination_policy, {}),
        (emr.get_managed_scaling_policy, {}), (emr.remove_auto_termination_policy, {}),
        (emr.remove_managed_scaling_policy, {}), (emr.describe_step, {"StepId": "s-1"}),
        (emr.cancel_steps, {"StepIds": ["s-1"]}), (emr.modify_cluster, {"StepConcurrencyLevel": 1}),
        (emr.put_auto_termination_policy, {"AutoTerminationPolicy": {"IdleTimeout": 60}}),
        (emr.modify_instance_fleet, {"InstanceFleet": fleet}),
    ):  # fmt: skip
        answer = refused(
            call, "InvalidRequestException", f"Cluster id '{NOBODY}' is not valid.", ClusterId=NOBODY, **more
        )
        assert answer.get("ErrorCode") in (None, "ValidationError")
    exist, form = "Specified job flow ID does not exist.", "Specified job flow ID not valid"
    steps = {"Steps": [shell("true")]}
    refused(emr.add_job_flow_steps, "ValidationException", exist, JobFlowId=NOBODY, **steps)
    refused(emr.add_job_flow_steps, "ValidationException", form, JobFlowId="nonsense", **steps)
    refused(emr.terminate_job_flows, "ValidationException", exist, JobFlowIds=[NOBODY])
    refused(emr.terminate_job_flows, "ValidationException", "The JobFlowId list cannot be empty", JobFlowIds=[])


NO_SUCH = [
    ({"ReleaseLabel": "emr-7.99.0"}, "The supplied release label is invalid: emr-7.99.0."),
    ({"ReleaseLabel": None}, "Must specify exactly one of the following: release label, AMI version"),
    ({"AmiVersion": "3.11.0"}, "Only one AMI version and release label may be specified."),
    ({"ReleaseLabel": None, "AmiVersion": "3.11.0"}, "ami version is invalid"),
    ({"ServiceRole": None}, "ServiceRole is required for creating cluster."),
    ({"JobFlowRole": None}, "InstanceProfile is required for creating cluster."),
    ({"Applications": [{"Name": "Sqoop"}]}, "Sqoop is not in emr-7.13.0"),
    ({"Applications": [{"Name": "Excel"}]}, "Excel"),
    ({"LogUri": "/tmp/logs"}, "LogUri"),
    ({"StepConcurrencyLevel": 257}, "between 1 and 256"),
    ({"SecurityConfiguration": "none"}, "Security configuration with name 'none' does not exist."),
    ({"Configurations": [{"Classification": "spark"}, {"Classification": "sparkling"}]},
     "Classification 'sparkling' is not valid for parent classification 'null'."),
    ({"Configurations": [{"Classification": "core-site", "Configurations": [{"Classification": "export"}]}]},
     "Classification 'export' is not valid for parent classification 'core-site'."),
    ({"AutoTerminationPolicy": {"IdleTimeout": 59}}, "greater than or equal to 60"),
    ({"AutoTerminationPolicy": {"IdleTimeout": 604801}}, "less than or equal to 604800"),
    ({"Tags": [{"Key": "", "Value": "x"}]}, "Invalid tag key"),
    ({"Tags": [{"Key": "aws:x", "Value": "x"}]}, "Invalid tag key"),
    ({"Tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]}, "50 tags"),
    ({"BootstrapActions": [{"Name": "b", "ScriptBootstrapAction": {"Path": "s3://b/x"}}] * 17}, "16 bootstrap"),
    ({"Steps": [command("true")] * 257}, "Maximum number of active steps"),
    ({"ReleaseLabel": "emr-5.27.0", "StepConcurrencyLevel": 2}, "Step concurrency is supported only for release-label"),
    ({"ReleaseLabel": "emr-6.0.0", "AutoTerminationPolicy": {"IdleTimeout": 60}}, "Auto-termination is supported only"),
    ({"KerberosAttributes": {"Realm": "EC2.INTERNAL", "KdcAdminPassword": "x"}}, "Kerberos"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), NO_SUCH)
def test_what_cannot_be_a_cluster(aws: Endpoint, change: dict[str, Any], words: str) -> None:
    request = {name: value for name, value in {**aws.request(), **change}.items() if value is not None}
    refused(aws.emr.run_job_flow, "ValidationException", words, **request)


def test_nobody_without_the_key_gets_an_answer(aws: Endpoint) -> None:
    stranger = aws.client("emr", aws_access_key_id="AKIAAAAAAAAAAAAAAAAA", aws_secret_access_key="x" * 40)
    refused(stranger.list_clusters, "UnrecognizedClientException", "security token included in the request is invalid")
    if aws.ours:  # at AWS the key may be a session's
        known = aws.options.get("aws_access_key_id") or boto3.Session().get_credentials().access_key
        forger = aws.client("emr", aws_access_key_id=known, aws_secret_access_key="x" * 39)
        refused(forger.list_clusters, "InvalidSignatureException", "signature")
