"""The services that a deployed stack is in: what they say of it, beside what cloudformation/lakelab.yaml asks for."""

from __future__ import annotations

import ast
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from terraform_place import KEYS

from lab.aws_cli import Target
from lakelab.settings import REPOSITORY

TEMPLATE = REPOSITORY / "cloudformation" / "lakelab.yaml"
BUCKET, ACCOUNT, REGION = "lakelab-school", "123456789012", "eu-west-1"
EVERYONE = "0.0.0.0/0"
EMR_TAG = {"for-use-with-amazon-emr-managed-policies": "true"}
Shape = dict[str, Any]
Readings = dict[str, dict[str, tuple[Any, Any]]]  # by type and property: what is there, and what was asked for


@dataclass(frozen=True)
class Lab:
    """The lab's server of the services that only remember."""

    url: str

    def client(self, service: str) -> Any:
        found = boto3.client(
            service, endpoint_url=self.url, region_name=REGION, config=Config(retries={"total_max_attempts": 1}),
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        # moto's EMR takes the region from the name of the host alone; others ask it in no other way than this.
        host = f"elasticmapreduce.{REGION}.amazonaws.com"
        found.meta.events.register("before-sign.emr", lambda request, **_: request.headers.add_header("Host", host))
        return found

    def deploy(self, **parameters: str) -> None:
        """As a user does by `lab aws cloudformation deploy`, with a change set."""
        given = [f"{name}={value}" for name, value in parameters.items()]
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--endpoint-url", self.url, "cloudformation", "deploy", "--stack-name",
             "lakelab", "--template-file", str(TEMPLATE), "--capabilities", "CAPABILITY_IAM", "--parameter-overrides",
             *given],
            env=Target(self.url, REGION, *KEYS.values()).environment(os.environ),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def made(self) -> dict[str, str]:
        """What the stack names, with the id of each. moto lists what it made nothing of without a name."""
        listed = self.client("cloudformation").list_stack_resources(StackName="lakelab")["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed if each["LogicalResourceId"]}

    def stack(self) -> Shape:
        (found,) = self.client("cloudformation").describe_stacks(StackName="lakelab")["Stacks"]
        return {
            "status": found["StackStatus"],
            "outputs": {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
            "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]},
            "made": self.made(),
            "variables": json.loads(
                self.client("ssm").get_parameter(Name="/lakelab/airflow_variables")["Parameter"]["Value"]
            ),
        }

    def all_there_is(self) -> dict[str, set[str]]:
        """Every resource of this account that a stack may have made, by kind."""
        ec2, iam = self.client("ec2"), self.client("iam")
        endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        reservations = ec2.describe_instances()["Reservations"]
        clusters = self.client("emr").list_clusters()["Clusters"]
        budgets = self.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
        return {
            "vpc": {each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]},
            "subnet": {each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]},
            "gateway": {each["InternetGatewayId"] for each in ec2.describe_internet_gateways()["InternetGateways"]},
            "routes": {each["RouteTableId"] for each in ec2.describe_route_tables()["RouteTables"]},
            "group": {each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]},
            "launch": {each["LaunchTemplateId"] for each in ec2.describe_launch_templates()["LaunchTemplates"]},
            "endpoint": {each["VpcEndpointId"] for each in endpoints if each["State"] != "deleted"},
            "instance": {each["InstanceId"] for found in reservations for each in found["Instances"]
                         if each["State"]["Name"] != "terminated"},
            "role": {each["RoleName"] for each in iam.list_roles()["Roles"]},
            "profile": {each["InstanceProfileName"] for each in iam.list_instance_profiles()["InstanceProfiles"]},
            "bucket": {each["Name"] for each in self.client("s3").list_buckets()["Buckets"]},
            "cluster": {each["Id"] for each in clusters if not each["Status"]["State"].startswith("TERMINAT")},
            "parameter": {each["Name"] for each in self.client("ssm").describe_parameters()["Parameters"]},
            "budget": {each["BudgetName"] for each in budgets},
        }  # fmt: skip


def start(ec2: Any, instance: str) -> str:
    found = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    return base64.b64decode(found).decode()


def unless_refused(call: Callable[[], Any]) -> Any:
    """What a call answers; None where the service has no such thing, or no such call."""
    try:
        return call()
    except ClientError:
        return None


def tags(found: Shape) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in found["Tags"]}


def readings(lab: Lab, ids: dict[str, str]) -> Readings:
    """Of each type and each property in the template: what the service itself says, and what was asked for."""
    return {**network(lab.client("ec2"), ids), **access(lab, ids), **machines(lab, ids)}


def network(ec2: Any, ids: dict[str, str]) -> Readings:
    (vpc,) = ec2.describe_vpcs(VpcIds=[ids["Vpc"]])["Vpcs"]
    names, support = (
        ec2.describe_vpc_attribute(VpcId=ids["Vpc"], Attribute=each)
        for each in ("enableDnsHostnames", "enableDnsSupport")
    )
    (gateway,) = ec2.describe_internet_gateways(InternetGatewayIds=[ids["InternetGateway"]])["InternetGateways"]
    (subnet,) = ec2.describe_subnets(SubnetIds=[ids["Subnet"]])["Subnets"]
    (table,) = ec2.describe_route_tables(RouteTableIds=[ids["RouteTable"]])["RouteTables"]
    routes = {each.get("DestinationCidrBlock"): each.get("GatewayId") for each in table["Routes"]}
    associated = [(each["SubnetId"], each["RouteTableId"]) for each in table["Associations"]] or [(None, None)]
    (endpoint,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[ids["S3Endpoint"]])["VpcEndpoints"]
    scheduler, primary, core = (
        ec2.describe_security_groups(GroupIds=[ids[each]])["SecurityGroups"][0]
        for each in ("SchedulerGroup", "PrimaryGroup", "CoreGroup")
    )
    groups = (scheduler, primary, core)
    (rule,) = (each for each in primary["IpPermissions"] if each.get("FromPort") == 10000)
    (pair,) = rule["UserIdGroupPairs"]
    out = [sorted((rule.get("FromPort"), rule["IpProtocol"]) for rule in each["IpPermissionsEgress"])
           for each in groups]  # fmt: skip
    web = [(80, "tcp"), (443, "tcp")]
    return {
        "AWS::EC2::VPC": {
            "CidrBlock": (vpc["CidrBlock"], "10.0.0.0/24"), "Tags": (tags(vpc), {"Name": "lakelab"}),
            "EnableDnsSupport": (support["EnableDnsSupport"]["Value"], True),
            "EnableDnsHostnames": (names["EnableDnsHostnames"]["Value"], True),
        },
        "AWS::EC2::InternetGateway": {},
        "AWS::EC2::VPCGatewayAttachment": {
            "VpcId": (gateway["Attachments"][0]["VpcId"], ids["Vpc"]),
            "InternetGatewayId": (gateway["InternetGatewayId"], ids["InternetGateway"]),
        },
        "AWS::EC2::Subnet": {
            "VpcId": (subnet["VpcId"], ids["Vpc"]), "CidrBlock": (subnet["CidrBlock"], "10.0.0.0/26"),
            "AvailabilityZone": (subnet["AvailabilityZone"], "eu-west-1a"),
            "MapPublicIpOnLaunch": (subnet["MapPublicIpOnLaunch"], True),
            "Tags": (tags(subnet), {"Name": "lakelab", **EMR_TAG}),
        },
        "AWS::EC2::RouteTable": {"VpcId": (table["VpcId"], ids["Vpc"])},
        "AWS::EC2::Route": {
            "RouteTableId": (table["RouteTableId"], ids["RouteTable"]),
            "DestinationCidrBlock": (EVERYONE in routes, True),
            "GatewayId": (routes.get(EVERYONE), ids["InternetGateway"]),
        },
        "AWS::EC2::SubnetRouteTableAssociation": {
            "SubnetId": (associated[0][0], ids["Subnet"]), "RouteTableId": (associated[0][1], ids["RouteTable"]),
        },
        "AWS::EC2::VPCEndpoint": {
            "VpcId": (endpoint["VpcId"], ids["Vpc"]), "VpcEndpointType": (endpoint["VpcEndpointType"], "Gateway"),
            "ServiceName": (endpoint["ServiceName"], "com.amazonaws.eu-west-1.s3"),
            "RouteTableIds": (endpoint["RouteTableIds"], [ids["RouteTable"]]),
        },
        "AWS::EC2::SecurityGroup": {
            "GroupDescription": ([each["Description"] for each in groups],
                                 ["ERP and Airflow", "EMR, primary node", "EMR, other nodes"]),
            "VpcId": ({each["VpcId"] for each in groups}, {ids["Vpc"]}),
            "Tags": ([tags(each) for each in groups], [{}, EMR_TAG, EMR_TAG]),
            "SecurityGroupEgress": (out, [web, web, web]),
        },
        "AWS::EC2::SecurityGroupIngress": {
            "GroupId": (primary["GroupId"], ids["PrimaryGroup"]), "IpProtocol": (rule["IpProtocol"], "tcp"),
            "SourceSecurityGroupId": (pair["GroupId"], ids["SchedulerGroup"]),
            "Description": (pair.get("Description"), "HiveServer2, for Airflow"),
            "FromPort": (rule["FromPort"], 10000), "ToPort": (rule["ToPort"], 10000),
        },
    }  # fmt: skip


def access(lab: Lab, ids: dict[str, str]) -> Readings:
    s3, iam = lab.client("s3"), lab.client("iam")
    encryption = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]
    roles = ("NodesRole", "ServiceRole", "SchedulerRole")
    trusted = [iam.get_role(RoleName=ids[each])["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
               for each in roles]  # fmt: skip
    attached = [
        [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=ids[each])["AttachedPolicies"]]
        for each in roles
    ]
    own = [iam.get_role_policy(RoleName=ids[each], PolicyName="lakelab")["PolicyDocument"] for each in roles]
    # moto gives a policy of CloudFormation's as Python would write it.
    statements = [len(ast.literal_eval(each)["Statement"]) for each in own]
    profiles = [iam.get_instance_profile(InstanceProfileName=ids[each])["InstanceProfile"]["Roles"]
                for each in ("NodesProfile", "SchedulerProfile")]  # fmt: skip
    parameter = lab.client("ssm").get_parameter(Name="/lakelab/airflow_variables")["Parameter"]
    said = {"bucket_name": BUCKET, "emr_cluster_id": ids["Cluster"], "emr_poll_seconds": "30"}
    heard = json.loads(parameter["Value"])
    return {
        "AWS::S3::Bucket": {
            "BucketName": (ids["Bucket"], BUCKET),
            "BucketEncryption": (encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256"),
            "PublicAccessBlockConfiguration": (
                unless_refused(lambda: s3.get_public_access_block(Bucket=BUCKET)) is not None, True),
            "OwnershipControls": (
                unless_refused(lambda: s3.get_bucket_ownership_controls(Bucket=BUCKET)) is not None, True),
            "LifecycleConfiguration": (
                unless_refused(lambda: s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)) is not None, True),
        },
        "AWS::IAM::Role": {
            "AssumeRolePolicyDocument": (
                [each["Service"].split(".")[0] for each in trusted], ["ec2", "elasticmapreduce", "ec2"]),
            "ManagedPolicyArns": (attached, [["AmazonSSMManagedInstanceCore"], ["AmazonEMRServicePolicy_v2"],
                                             ["AmazonSSMManagedInstanceCore"]]),
            "Policies": (statements, [3, 1, 7]),
        },
        "AWS::IAM::InstanceProfile": {
            "Roles": ([[role["RoleName"] for role in each] for each in profiles],
                      [[ids["NodesRole"]], [ids["SchedulerRole"]]]),
        },
        "AWS::SSM::Parameter": {
            "Name": (parameter["Name"], "/lakelab/airflow_variables"), "Type": (parameter["Type"], "String"),
            "Value": ({name: heard.get(name) for name in said}, said),
        },
    }  # fmt: skip


def machines(lab: Lab, ids: dict[str, str]) -> Readings:
    ec2, emr = lab.client("ec2"), lab.client("emr")
    (instance,) = ec2.describe_instances(InstanceIds=[ids["Scheduler"]])["Reservations"][0]["Instances"]
    (volume,) = ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"]
    (launch,) = ec2.describe_launch_template_versions(LaunchTemplateId=ids["SchedulerLaunch"])["LaunchTemplateVersions"]
    metadata = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}
    cluster = emr.describe_cluster(ClusterId=ids["Cluster"])["Cluster"]
    placed = cluster["Ec2InstanceAttributes"]
    of = {"ClusterId": ids["Cluster"]}
    kept = emr.describe_security_configuration(Name=ids["SecurityConfiguration"])["SecurityConfiguration"]
    encryption = ast.literal_eval(kept)["EncryptionConfiguration"]
    return {
        "AWS::EC2::LaunchTemplate": {"LaunchTemplateData": (launch["LaunchTemplateData"]["MetadataOptions"], metadata)},
        "AWS::EC2::Instance": {
            "LaunchTemplate": ({name: instance["MetadataOptions"][name] for name in metadata}, metadata),
            "ImageId": (instance["ImageId"], "ami-785db401"), "InstanceType": (instance["InstanceType"], "t3.medium"),
            "SubnetId": (instance["SubnetId"], ids["Subnet"]),
            "SecurityGroupIds": ([each["GroupId"] for each in instance["NetworkInterfaces"][0]["Groups"]],
                                 [ids["SchedulerGroup"]]),
            "IamInstanceProfile": (instance["IamInstanceProfile"]["Arn"].split("/")[-1], ids["SchedulerProfile"]),
            "BlockDeviceMappings": ((volume["Encrypted"], volume["VolumeType"], volume["Size"]), (True, "gp3", 30)),
            "Tags": (tags(instance), {"Name": "lakelab-scheduler"}),
            "UserData": (f"LAB_BUCKET={BUCKET}\nLAB_STUDENTS=5000\n" in start(ec2, ids["Scheduler"]), True),
        },
        "AWS::EMR::SecurityConfiguration": {
            "SecurityConfiguration": (encryption["EnableAtRestEncryption"], True),
        },
        "AWS::EMR::Cluster": {
            "Name": (cluster["Name"], "lakelab"), "ReleaseLabel": (cluster["ReleaseLabel"], "emr-7.13.0"),
            "Applications": ([each["Name"] for each in cluster["Applications"]], ["Hadoop", "Hive", "Hue", "Spark"]),
            "ServiceRole": (cluster["ServiceRole"], ids["ServiceRole"]),
            "JobFlowRole": (placed["IamInstanceProfile"], ids["NodesProfile"]),
            "LogUri": (cluster["LogUri"], f"s3://{BUCKET}/"), "Tags": (tags(cluster), EMR_TAG),
            "SecurityConfiguration": (cluster.get("SecurityConfiguration"), ids["SecurityConfiguration"]),
            "VisibleToAllUsers": (cluster["VisibleToAllUsers"], True),
            "AutoTerminationPolicy": (
                unless_refused(lambda: emr.get_auto_termination_policy(**of)["AutoTerminationPolicy"]),
                {"IdleTimeout": 14400}),
            "BootstrapActions": (
                [each["Name"] for each in emr.list_bootstrap_actions(**of)["BootstrapActions"]],
                ["Tell what the node is"]),
            "Instances.Ec2SubnetId": (placed["Ec2SubnetId"], ids["Subnet"]),
            "Instances.EmrManagedMasterSecurityGroup": (placed["EmrManagedMasterSecurityGroup"], ids["PrimaryGroup"]),
            "Instances.EmrManagedSlaveSecurityGroup": (placed["EmrManagedSlaveSecurityGroup"], ids["CoreGroup"]),
            "Instances.TerminationProtected": (cluster["TerminationProtected"], False),
            "Instances.MasterInstanceGroup": (
                [each["InstanceType"] for each in emr.list_instance_groups(**of)["InstanceGroups"]], ["m5.xlarge"]),
            "Instances.KeepJobFlowAliveWhenNoSteps": (cluster["Status"]["State"], "WAITING"),
        },
    }  # fmt: skip


def what_is_not_made(lab: Lab, ids: dict[str, str]) -> Shape:
    """What would be there if the types were made that the page says are not."""
    (scheduler,) = lab.client("ec2").describe_security_groups(GroupIds=[ids["SchedulerGroup"]])["SecurityGroups"]
    return {
        "AWS::Budgets::Budget": lab.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"],
        "AWS::S3::BucketPolicy": unless_refused(lambda: lab.client("s3").get_bucket_policy(Bucket=BUCKET)) or [],
        "AWS::EMR::Step": lab.client("emr").list_steps(ClusterId=ids["Cluster"])["Steps"],
        "AWS::EC2::SecurityGroupEgress": [
            each for each in scheduler["IpPermissionsEgress"] if each.get("FromPort") == 10000
        ],
    }
