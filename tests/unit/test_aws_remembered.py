"""The services that only remember, behind the lab's key; and keys that they hand out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.request import urlopen

import boto3
import pytest
from aws_endpoint import KEY, SECRET, Aws, Served, client
from botocore.exceptions import ClientError

from services.aws.server import moto

INVALID = "The security token included in the request is invalid."


@pytest.fixture(scope="module")
def remembered() -> Iterator[str]:
    """The address of moto's server for the lab's key."""
    server = Served()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        server.app = moto.from_environment()
    yield server.url
    server.stop()


def refusal(url: str, service: str, operation: str, **keys: str) -> tuple[str, str, int]:
    """Code, message and status with which a call without arguments is refused."""
    caller = boto3.client(service, endpoint_url=url, region_name="eu-west-1", **keys)
    with pytest.raises(ClientError) as refused:
        getattr(caller, operation)()
    answer = refused.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_what_the_labs_key_makes_is_remembered(remembered: str) -> None:
    iam = client(remembered, "iam")
    iam.create_user(UserName="ada")
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["ada"]
    vpc = client(remembered, "ec2").create_vpc(CidrBlock="10.0.0.0/26")["Vpc"]["VpcId"]
    assert vpc in {found["VpcId"] for found in client(remembered, "ec2").describe_vpcs()["Vpcs"]}


def test_keys_of_an_assumed_role_are_refused_as_aws_refuses_unknown_ones(remembered: str, aws: Aws) -> None:
    sts = client(remembered, "sts")
    role = {"RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "lesson"}
    made = sts.assume_role(**role)["Credentials"]
    keys = {
        "aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }  # fmt: skip

    assert refusal(aws.url, "emr", "list_clusters", **keys) == ("UnrecognizedClientException", INVALID, 400)
    assert refusal(remembered, "sts", "get_caller_identity", **keys) == ("InvalidClientTokenId", INVALID, 403)
    assert refusal(remembered, "ssm", "describe_parameters", **keys) == ("UnrecognizedClientException", INVALID, 400)
    assert refusal(remembered, "ec2", "describe_vpcs", **keys) == (
        "AuthFailure", "AWS was not able to validate the provided access credentials", 401,
    )  # fmt: skip


def test_nobody_without_a_key_gets_in_but_who_asks_whether_it_lives(remembered: str) -> None:
    unknown = {"aws_access_key_id": "AKIALAKELABTESTS0002", "aws_secret_access_key": SECRET}
    wrong = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET[:-1]}
    assert refusal(remembered, "iam", "list_users", **unknown)[0] == "InvalidClientTokenId"
    assert refusal(remembered, "iam", "list_users", **wrong)[0] == "SignatureDoesNotMatch"
    assert refusal(remembered, "lambda", "list_functions", **unknown) == ("UnrecognizedClientException", INVALID, 403)
    with urlopen(f"{remembered}/health", timeout=10) as answer:
        assert answer.read() == b"ok\n"


def test_a_budget_has_tags_and_addresses_as_terraform_asks_for_them(remembered: str) -> None:
    budgets, account = client(remembered, "budgets"), "123456789012"
    told = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    to = [{"SubscriptionType": "EMAIL", "Address": "ada@example.org"}]
    budgets.create_budget(
        AccountId=account,
        Budget={"BudgetName": "month", "BudgetType": "COST", "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "50", "Unit": "USD"}},
        NotificationsWithSubscribers=[{"Notification": told, "Subscribers": to}],
        ResourceTags=[{"Key": "project", "Value": "lakelab"}],
    )  # fmt: skip
    arn = f"arn:aws:budgets::{account}:budget/month"
    of = {"AccountId": account, "BudgetName": "month"}

    assert budgets.describe_subscribers_for_notification(Notification=told, **of)["Subscribers"] == to
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "project", "Value": "lakelab"}]
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "team", "Value": "data"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["project"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "team", "Value": "data"}]


def test_a_bucket_of_another_server_has_the_settings_that_it_is_given(remembered: str) -> None:
    s3 = client(remembered, "s3")
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket="in-minio")
    s3.put_public_access_block(Bucket="in-minio", PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket="in-minio")["PublicAccessBlockConfiguration"] == block
    s3.delete_public_access_block(Bucket="in-minio")
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket="in-minio")
