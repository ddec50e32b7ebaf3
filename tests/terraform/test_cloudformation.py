"""cloudformation/: how far the template is the counterpart of Terraform's files, and that it opens nothing."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from lakelab.settings import REPOSITORY

TEMPLATE = REPOSITORY / "cloudformation" / "lakelab.yaml"
# A resource of Terraform and the one of CloudFormation that stands for it.
COUNTERPARTS = {
    "aws_vpc": "AWS::EC2::VPC", "aws_subnet": "AWS::EC2::Subnet", "aws_internet_gateway": "AWS::EC2::InternetGateway",
    "aws_route": "AWS::EC2::Route", "aws_route_table": "AWS::EC2::RouteTable",
    "aws_vpc_endpoint": "AWS::EC2::VPCEndpoint", "aws_security_group": "AWS::EC2::SecurityGroup",
    "aws_instance": "AWS::EC2::Instance", "aws_s3_bucket": "AWS::S3::Bucket",
    "aws_s3_bucket_policy": "AWS::S3::BucketPolicy", "aws_iam_role": "AWS::IAM::Role",
    "aws_iam_instance_profile": "AWS::IAM::InstanceProfile", "aws_emr_cluster": "AWS::EMR::Cluster",
    "aws_emr_security_configuration": "AWS::EMR::SecurityConfiguration", "aws_ssm_parameter": "AWS::SSM::Parameter",
    "aws_budgets_budget": "AWS::Budgets::Budget",
}  # fmt: skip


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    from cfnlint.decode import cfn_yaml

    return json.loads(json.dumps(cfn_yaml.load(str(TEMPLATE))))


def test_cfn_lint_has_nothing_to_say() -> None:
    from cfnlint.api import ManualArgs, lint

    found = lint(TEMPLATE.read_text(encoding="utf-8"), config=ManualArgs(regions=["eu-west-1"]))
    assert [f"{each.linenumber}: {each}" for each in found] == []


def test_every_part_of_terraform_s_has_its_counterpart(template: dict[str, Any]) -> None:
    kinds = Counter(resource["Type"] for resource in template["Resources"].values())
    files = "".join(path.read_text() for path in (REPOSITORY / "terraform").rglob("*.tf"))
    for theirs, ours in COUNTERPARTS.items():
        assert f'resource "{theirs}"' in files, theirs
        assert kinds[ours], ours
    assert (kinds["AWS::EC2::SecurityGroup"], kinds["AWS::IAM::Role"]) == (3, 3)


def test_nothing_comes_in_from_everywhere(template: dict[str, Any]) -> None:
    for name, resource in template["Resources"].items():
        text = json.dumps(resource)
        if "0.0.0.0/0" in text:
            assert resource["Type"] in ("AWS::EC2::Route", "AWS::EC2::SecurityGroup"), name
        assert "SecurityGroupIngress" not in resource.get("Properties", {}), name
