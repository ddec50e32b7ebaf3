"""What is left of a deployment, asked of the services themselves and not of Terraform's state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lab.cluster import ALIVE
from lab.terraform.state import managed

Client = Callable[[str], Any]


@dataclass(frozen=True)
class Asked:
    """What a state holds, by the names that the services know: empty where it holds nothing."""

    names: dict[str, list[str]]  # of each kind of resource

    @classmethod
    def of(cls, state: dict[str, Any]) -> Asked:
        names: dict[str, list[str]] = {}
        for each in managed(state):
            names.setdefault(each["type"], []).append(str(each["values"]["id"]))
        return cls(names)

    def __getitem__(self, kind: str) -> set[str]:
        return set(self.names.get(kind, ()))


def remains(client: Client, asked: Asked) -> list[str]:
    """What of it still is there, each in a word or two. A key of KMS is gone when its deletion is scheduled."""
    return [*_kept(client, asked), *_network(client("ec2"), asked), *_identities(client("iam"), asked)]


def _kept(client: Client, asked: Asked) -> Iterator[str]:
    buckets = {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}
    yield from (f"bucket {name}" for name in sorted(buckets & asked["aws_s3_bucket"]))
    emr = client("emr")
    for page in emr.get_paginator("list_clusters").paginate(ClusterStates=ALIVE):
        yield from (f"cluster {each['Id']}" for each in page["Clusters"] if each["Id"] in asked["aws_emr_cluster"])
    for page in emr.get_paginator("list_security_configurations").paginate():
        found = {each["Name"] for each in page["SecurityConfigurations"]} & asked["aws_emr_security_configuration"]
        yield from (f"security configuration {name}" for name in sorted(found))
    for key in sorted(asked["aws_kms_key"]):
        if client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield f"key {key}"
    for page in client("ssm").get_paginator("describe_parameters").paginate():
        yield from (f"parameter {p['Name']}" for p in page["Parameters"] if p["Name"] in asked["aws_ssm_parameter"])
    budgets = client("budgets")
    for name in sorted(asked["aws_budgets_budget"]):
        account, _, budget = name.partition(":")
        found = budgets.describe_budgets(AccountId=account).get("Budgets", [])
        yield from (f"budget {budget}" for each in found if each["BudgetName"] == budget)


def _network(ec2: Any, asked: Asked) -> Iterator[str]:
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["InstanceId"] in asked["aws_instance"] and instance["State"]["Name"] != "terminated":
                yield f"instance {instance['InstanceId']}"
    lists = {
        "aws_vpc": ("describe_vpcs", "Vpcs", "VpcId"),
        "aws_subnet": ("describe_subnets", "Subnets", "SubnetId"),
        "aws_internet_gateway": ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        "aws_route_table": ("describe_route_tables", "RouteTables", "RouteTableId"),
        "aws_security_group": ("describe_security_groups", "SecurityGroups", "GroupId"),
    }
    for kind, (operation, member, name) in lists.items():
        there = {each[name] for each in getattr(ec2, operation)()[member]}
        yield from sorted(there & asked[kind])
    for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]:
        if endpoint["VpcEndpointId"] in asked["aws_vpc_endpoint"] and endpoint["State"].lower() != "deleted":
            yield endpoint["VpcEndpointId"]


def _identities(iam: Any, asked: Asked) -> Iterator[str]:
    for page in iam.get_paginator("list_roles").paginate():
        yield from (f"role {r['RoleName']}" for r in page["Roles"] if r["RoleName"] in asked["aws_iam_role"])
    for page in iam.get_paginator("list_instance_profiles").paginate():
        found = {p["InstanceProfileName"] for p in page["InstanceProfiles"]} & asked["aws_iam_instance_profile"]
        yield from (f"instance profile {name}" for name in sorted(found))
