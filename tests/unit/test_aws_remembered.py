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
