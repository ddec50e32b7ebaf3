"""One rehearsal for the tests that look at it, and what Terraform handed to the instance meanwhile."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError
from live import PATIENCE, Live

from lab.terraform.tool import program
from lab.waiting import until
from lakelab.errors import LabError

BUCKET, NAME = "5data-rehearsal", "lakelab-rehearsal"
CODE, PARAMETER = "init/lakelab.tar.gz", f"/{NAME}/airflow_variables"


@dataclass(frozen=True)
class Handed:
    """What the instance would have met at its first start."""

    user_data: str
    code: bytes  # the archive in the bucket
    variables: str  # the parameter's value


@dataclass(frozen=True)
class Rehearsed:
    """What the command said, and what there was before."""

    said: str
    clusters: set[str]  # those that lived before
    variables: dict[str, str]
    handed: Handed


def variables(live: Live) -> dict[str, str]:
    """What Airflow runs by."""
    found = live.stack.airflow.variables()
    return {name: found[name] for name in ("bucket_name", "emr_cluster_id")}


def alive(live: Live) -> set[str]:
    states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
    return {str(each["Id"]) for each in live.stack.aws("emr").list_clusters(ClusterStates=states)["Clusters"]}


@pytest.fixture(scope="session")
def rehearsed(live: Live) -> Rehearsed:
    try:
        program()
    except LabError as error:
        pytest.skip(str(error))
    before, settings = alive(live), variables(live)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(live.lab, "rehearse")
        handed = until(lambda: _handed(live) or running.done(), PATIENCE, LabError("there is no instance"), 2.0)
        done = running.result()
    if "cannot be had" in done.stderr or "LAB_TF_PLUGINS=FOLDER" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert isinstance(handed, Handed)
    return Rehearsed(done.stdout, before, settings, handed)


def _handed(live: Live) -> Handed | None:
    """None while Terraform has not made it yet."""
    aws = live.stack.aws
    wanted = {"tag:Name": f"{NAME}-scheduler", "instance-state-name": "running"}
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    try:
        found = aws("ec2").describe_instances(Filters=filters)
        if not found["Reservations"]:
            return None
        instance = found["Reservations"][0]["Instances"][0]["InstanceId"]
        data = aws("ec2").describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
        variables = aws("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"]
        code = aws("s3").get_object(Bucket=BUCKET, Key=CODE)["Body"].read()
    except ClientError:
        return None
    return Handed(base64.b64decode(data).decode(), code, variables)
