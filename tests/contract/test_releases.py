"""Release labels and instance types; and the operations that are not there."""

from __future__ import annotations

import botocore
import pytest
from botocore.exceptions import ClientError
from endpoint import RELEASE, Endpoint, refused


def test_release_labels_are_listed_newest_first(aws: Endpoint) -> None:
    emr = aws.emr
    labels = emr.list_release_labels(Filters={"Prefix": "emr-7"})["ReleaseLabels"]
    numbers = [tuple(int(part) for part in label.removeprefix("emr-").split(".")) for label in labels]
    assert RELEASE in labels
    assert numbers == sorted(numbers, reverse=True)
    spark = emr.list_release_labels(Filters={"Application": "spark@3.5.6", "Prefix": "emr-7"})["ReleaseLabels"]
    assert set(spark) < set(labels)
    first = emr.list_release_labels(MaxResults=2)
    second = emr.list_release_labels(MaxResults=2, NextToken=first["NextToken"])
    assert len({*first["ReleaseLabels"], *second["ReleaseLabels"]}) == 4
    refused(emr.list_release_labels, "InvalidRequestException", "NextToken", NextToken="nowhere")


def test_a_release_tells_its_applications(aws: Endpoint) -> None:
    found = aws.emr.describe_release_label(ReleaseLabel=RELEASE)
    versions = {application["Name"]: application["Version"] for application in found["Applications"]}
    assert found["ReleaseLabel"] == RELEASE
    assert versions["Spark"].startswith("3.5.")
    assert "Sqoop" not in versions
    assert aws.emr.describe_release_label()["ReleaseLabel"].startswith("emr-")
    refused(aws.emr.describe_release_label, "InvalidRequestException", "emr-0.0.0", ReleaseLabel="emr-0.0.0")


def test_instance_types_come_in_pages(aws: Endpoint) -> None:
    first = aws.emr.list_supported_instance_types(ReleaseLabel=RELEASE)
    types, marker = list(first["SupportedInstanceTypes"]), first.get("Marker")
    while marker:
        page = aws.emr.list_supported_instance_types(ReleaseLabel=RELEASE, Marker=marker)
        types, marker = types + page["SupportedInstanceTypes"], page.get("Marker")
    (m5,) = (each for each in types if each["Type"] == "m5.xlarge")
    assert (m5["VCPU"], m5["MemoryGB"], m5["InstanceFamilyId"], m5["Architecture"]) == (4, 16.0, "m5", "X86_64")
    assert len(types) == len({each["Type"] for each in types})
    refused(aws.emr.list_supported_instance_types, "InvalidRequestException", "emr-0.0.0", ReleaseLabel="emr-0.0.0")


def test_what_does_not_fit_the_shapes_is_refused(aws: Endpoint, standing: str) -> None:
    careless = aws.client("emr", parameter_validation=False)
    kind = "SerializationException"
    refused(careless.modify_cluster, kind, "Integer", ClusterId=standing, StepConcurrencyLevel="two")
    refused(careless.set_visible_to_all_users, kind, "Boolean", JobFlowIds=[standing], VisibleToAllUsers="yes")
    refused(careless.describe_cluster, kind, "String", ClusterId=5)
    refused(careless.describe_cluster, "ValidationException", "Member must not be null")
    refused(careless.describe_cluster, "ValidationException", "256", ClusterId="j" * 257)
    refused(careless.list_clusters, "ValidationException", "enum value set", ClusterStates=["SLEEPING"])


def test_who_does_not_sign_is_refused(aws: Endpoint) -> None:
    unsigned = aws.client("emr")
    unsigned.meta.events.register("choose-signer.emr.*", lambda **_: botocore.UNSIGNED)
    refused(unsigned.list_clusters, "MissingAuthenticationTokenException", "Missing Authentication Token")


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("describe_job_flows", {}),
        ("list_studios", {}),
        ("list_notebook_executions", {}),
        ("put_block_public_access_configuration",
         {"BlockPublicAccessConfiguration": {"BlockPublicSecurityGroupRules": False}}),
        ("remove_auto_scaling_policy", {"ClusterId": "j-1", "InstanceGroupId": "ig-1"}),
    ],
)  # fmt: skip
def test_what_is_not_executed_is_refused(aws: Endpoint, operation: str, request_: dict) -> None:
    if not aws.ours:
        pytest.skip("AWS has it")
    with pytest.raises(ClientError) as caught:
        getattr(aws.emr, operation)(**request_)
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
