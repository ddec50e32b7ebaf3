"""The endpoint that the suite is held against: one of ours in a process of its own, the stack's, or AWS's.

LAB_CONTRACT_ENDPOINT   URL of an EMR endpoint, or `aws`; without it, one of ours is started on this machine
LAB_CONTRACT_BUCKET     a bucket there, for logs and scripts; keys and region come from where boto3 looks for them
LAB_CONTRACT_SPEND      `yes`, without which nothing is asked of AWS: it is billed
LAB_CONTRACT_PATIENCE   seconds that a cluster may take to start (AWS: 900)
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from polling import poll_until

from lab import ports
from lakelab.settings import REPOSITORY
from lakelab.storage import FolderStorage

PATIENCE = float(os.environ.get("LAB_CONTRACT_PATIENCE", "60"))
RELEASE = "emr-7.13.0"
STATES_ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
FOLDERS = ("contract", "terraform")  # of the bucket, for scripts and logs
WARNING = (
    "LAB_CONTRACT_ENDPOINT=aws starts some thirty clusters of one to five m5.xlarge in your account: about 5 USD. "
    "If you want that, set LAB_CONTRACT_SPEND=yes"
)
PRIMARY = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
CORE = {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2}


@dataclass
class Endpoint:
    """EMR at an address, a bucket there, and the clusters that the tests started."""

    options: dict[str, Any]
    bucket: str
    storage: FolderStorage | None = None
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.emr = self.client("emr")

    def client(self, service: str, **more: Any) -> Any:
        attempts = {"total_max_attempts": 1 if self.storage else 5}
        checked = more.pop("parameter_validation", True)
        style = {"addressing_style": "path"} if "endpoint_url" in self.options else {}
        config = Config(retries=attempts, read_timeout=30, parameter_validation=checked, s3=style)
        options = {**self.options, **more}
        if service == "s3" and "AWS_ENDPOINT_URL_S3" in os.environ:
            options.pop("endpoint_url", None)
        return boto3.client(service, config=config, **options)

    @property
    def ours(self) -> bool:
        """Whether the lab's engine answers, and nothing is billed."""
        return "endpoint_url" in self.options

    def put(self, name: str, content: str) -> str:
        """Write a script into the bucket; returns its address."""
        uri = f"s3://{self.bucket}/contract/{name}"
        if self.storage:
            self.storage.write(uri, content.encode())
        else:
            self.client("s3").put_object(Bucket=self.bucket, Key=f"contract/{name}", Body=content.encode())
        return uri

    def request(self, *, keep: bool = True, instances: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """A RunJobFlow request with as little as AWS takes."""
        nodes = {"InstanceGroups": [PRIMARY]} if instances is None else instances
        return {
            "Name": "contract",
            "ReleaseLabel": RELEASE,
            "LogUri": f"s3://{self.bucket}/contract/logs/",
            "Instances": {**nodes, "KeepJobFlowAliveWhenNoSteps": keep},
            "JobFlowRole": "EMR_EC2_DefaultRole",
            "ServiceRole": "EMR_DefaultRole",
            **more,
        }

    def run(self, **more: Any) -> str:
        """Start a cluster; returns its id."""
        cluster: str = self.emr.run_job_flow(**self.request(**more))["JobFlowId"]
        self.started.append(cluster)
        return cluster

    def waiting(self, **more: Any) -> str:
        """Start a cluster and wait until it waits for steps."""
        cluster = self.run(**more)
        self.reach(cluster, "WAITING")
        return cluster

    def status(self, cluster: str) -> dict[str, Any]:
        return dict(self.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"])

    def reach(self, cluster: str, *states: str) -> dict[str, Any]:
        """The cluster's status once it is in one of the states; fails when it has ended in another."""

        def look() -> dict[str, Any] | None:
            status = self.status(cluster)
            if status["State"] in states:
                return status
            assert not status["State"].startswith("TERMINATED"), status
            return None

        found: dict[str, Any] = poll_until(look, f"{cluster} {states}", PATIENCE)
        return found

    def add(self, cluster: str, *steps: dict[str, Any], **more: Any) -> list[str]:
        return list(self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=list(steps), **more)["StepIds"])

    def step(self, cluster: str, step: str) -> dict[str, Any]:
        return dict(self.emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"])

    def step_in(self, cluster: str, step: str, *states: str) -> dict[str, Any]:
        """The step's status once it is in one of the states; fails when it has ended in another."""

        def look() -> dict[str, Any] | None:
            status = self.step(cluster, step)
            if status["State"] in states:
                return status
            assert status["State"] not in ENDED, status
            return None

        found: dict[str, Any] = poll_until(look, f"{step} {states}", PATIENCE)
        return found

    def terminate(self, *clusters: str) -> None:
        self.emr.set_termination_protection(JobFlowIds=list(clusters), TerminationProtected=False)
        self.emr.terminate_job_flows(JobFlowIds=list(clusters))

    def clean(self) -> list[str]:
        """End every cluster that logs where this suite's do, also of a run that was killed; take the suite's files out
        of the bucket. Returns the clusters."""
        ours = tuple(f"s3://{self.bucket}/{folder}/" for folder in FOLDERS)
        found = [
            summary["Id"]
            for page in self.emr.get_paginator("list_clusters").paginate(ClusterStates=STATES_ALIVE)
            for summary in page["Clusters"]
            if self._logs(summary["Id"]).startswith(ours)
        ]
        if found:
            self.terminate(*found)
        if self.storage is None:
            self._empty()
        return found

    def _logs(self, cluster: str) -> str:
        uri = str(self.emr.describe_cluster(ClusterId=cluster)["Cluster"].get("LogUri", ""))
        return uri.replace("s3n://", "s3://", 1)

    def _empty(self) -> None:
        s3 = self.client("s3")
        for folder in FOLDERS:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{folder}/"):
                for each in page.get("Contents", []):
                    s3.delete_object(Bucket=self.bucket, Key=each["Key"])

    def end_all(self) -> None:
        """Terminate what is left of the tests' clusters."""
        left = [
            summary["Id"]
            for page in self.emr.get_paginator("list_clusters").paginate(ClusterStates=STATES_ALIVE)
            for summary in page["Clusters"]
            if summary["Id"] in self.started
        ]
        if left:
            self.terminate(*left)


def command(*args: str, name: str = "contract", action: str = "CONTINUE") -> dict[str, Any]:
    """A step that runs a command."""
    jar = {"Jar": "command-runner.jar", "Args": list(args)}
    return {"Name": name, "ActionOnFailure": action, "HadoopJarStep": jar}


def shell(script: str, **more: str) -> dict[str, Any]:
    return command("bash", "-c", script, **more)


HOLD = command("sleep", "600", name="hold")  # until it is cancelled
STUBBORN = shell("trap '' TERM; sleep 600", name="stubborn")


def refused(call: Callable[..., Any], code: str, words: str, **request: Any) -> dict[str, Any]:
    """Fails unless AWS's error of that code comes, with the words in its message. Returns the whole answer."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    answer: dict[str, Any] = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400), answer
    assert words in answer["Error"]["Message"], answer
    return answer


@contextmanager
def opened(folder: Path) -> Iterator[Endpoint]:
    """The endpoint that the environment names, or one of ours on the folder."""
    address = os.environ.get("LAB_CONTRACT_ENDPOINT")
    if address:
        yield from _given(address)
        return
    with ports.choosing(f"contract {folder}") as choose:
        port = choose(4600)
    key, secret = "AKIALAKELABCONTRACT1", secrets.token_urlsafe(30)
    storage = FolderStorage(folder)
    storage.create_bucket("contract")
    variables = {"EMR_HOME": str(folder), "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    with (folder / "endpoint.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.aws.server", "embedded", "--port", str(port)],
            env={**os.environ, **variables, "PYTHONPATH": str(REPOSITORY)}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            poll_until(lambda: _healthy(port), "the endpoint to answer", 60)
            options = {
                "endpoint_url": f"http://127.0.0.1:{port}", "region_name": "eu-west-1",
                "aws_access_key_id": key, "aws_secret_access_key": secret,
            }  # fmt: skip
            yield Endpoint(options, "contract", storage)
        finally:
            process.terminate()
            process.wait(30)


def _given(address: str) -> Iterator[Endpoint]:
    """An endpoint that is there. AWS's is left as it was found: before and after, what the suite left is taken away."""
    if address != "aws":
        yield Endpoint({"endpoint_url": address}, os.environ["LAB_CONTRACT_BUCKET"])
        return
    if os.environ.get("LAB_CONTRACT_SPEND") != "yes":
        pytest.exit(WARNING, returncode=2)
    endpoint = Endpoint({}, os.environ["LAB_CONTRACT_BUCKET"])
    endpoint.clean()
    try:
        yield endpoint
    finally:
        endpoint.clean()


def _healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
