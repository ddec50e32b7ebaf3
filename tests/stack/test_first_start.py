"""The instance's first start: the user data that Terraform hands to EC2, run on this machine from its first line on.

Of it, only apt-get is a stand-in, and /etc and /opt are folders of the test. Bucket and Parameter Store are the
stack's, with its keys in the environment, where on AWS the instance's role signs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from live import Live
from polling import poll_until
from rehearsal import BUCKET, CODE, PARAMETER, Handed, Rehearsed

from lab.ports import choosing
from lab.stack.airflow import Airflow
from lab.stack.compose import docker
from lakelab.errors import LabError

NAME, STUDENTS = "lakelab-first-start", 60
KEY = "keys/pseudonym.key"
TAG = "first-start"  # of images of its own: those of the stack stay as they are
ENOUGH = 6.2e9  # bytes: with less, the script makes a swap file


@dataclass(frozen=True)
class Instance:
    """What stands for the instance: its /etc and /opt in `folder`, its containers in a project of their own."""

    folder: Path
    project: str
    environment: dict[str, str]
    port: int

    def run(self, program: Path) -> str:
        """What it printed; an AssertionError when it failed."""
        done = subprocess.run(
            [program], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + self.last_words()
        return done.stdout

    def script(self, name: str) -> str:
        return self.run(self.folder / "opt/lakelab/terraform/modules/erp_scheduler/files" / name)

    def last_words(self) -> str:
        return docker("compose", "-p", self.project, "logs", "--no-color", "--tail", "40", check=False)

    @property
    def secrets(self) -> Path:
        return self.folder / "etc/lakelab/secrets"

    @property
    def airflow(self) -> Airflow:
        password = re.search("^AIRFLOW_ADMIN_PASSWORD=(.+)$", self.secrets.read_text(), re.M)
        assert password
        return Airflow(f"http://127.0.0.1:{self.port}", password[1])

    def variables(self) -> dict[str, str]:
        """Airflow's; {} while it starts."""
        try:
            return self.airflow.variables()
        except LabError:
            return {}

    def containers(self) -> dict[str, str]:
        """Ids by service, those that ended too."""
        mine = f"label=com.docker.compose.project={self.project}"
        form = '{{.Label "com.docker.compose.service"}} {{.ID}}'
        return dict(line.split() for line in docker("ps", "--all", "--filter", mine, "--format", form).splitlines())

    def began(self) -> str:
        """When Airflow's container started."""
        return docker("inspect", "--format", "{{.State.StartedAt}}", self.containers()["airflow"])

    def end(self) -> None:
        """Nothing of it stays."""
        docker("compose", "-p", self.project, "down", "--volumes", "--timeout", "5", check=False)
        docker("image", "rm", *(f"lakelab/{name}:{TAG}" for name in ("postgres", "lab", "airflow")), check=False)


@pytest.fixture(scope="module")
def handed(live: Live, rehearsed: Rehearsed) -> Iterator[Handed]:
    """What Terraform handed to the instance, where the instance looks for it: the rehearsal took it away."""
    if Path("/run/systemd/system").is_dir():
        pytest.skip("this machine runs systemd: the first start would give it a timer; a container has none")
    if psutil.virtual_memory().total + psutil.swap_memory().total < ENOUGH:
        pytest.skip("this machine has less than 6 GB: the first start would give it a swap file")
    s3, ssm = live.stack.aws("s3"), live.stack.aws("ssm")
    s3.create_bucket(Bucket=BUCKET)
    try:
        s3.put_object(Bucket=BUCKET, Key=CODE, Body=rehearsed.handed.code)
        ssm.put_parameter(Name=PARAMETER, Value=rehearsed.handed.variables, Type="String", Overwrite=True)
        yield rehearsed.handed
    finally:
        ssm.delete_parameters(Names=[PARAMETER])
        for key in (CODE, KEY):
            s3.delete_object(Bucket=BUCKET, Key=key)
        s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def instance(live: Live, handed: Handed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """After its first start."""
    folder, values = tmp_path_factory.mktemp("instance"), live.stack.environment
    for name in ("bin", "etc", "opt"):
        (folder / name).mkdir()
    executable(folder / "bin/apt-get", f'#!/bin/sh\necho "$@" >>{folder}/apt\n')
    executable(folder / "bin/python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # one with boto3
    with choosing(NAME) as choose:
        ports = {"AIRFLOW_PORT": choose(18081), "ERP_PORT": choose(25433)}
    environment = {  # as bare as cloud-init's
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "LAKELAB_ETC": str(folder / "etc/lakelab"),
        "COMPOSE_PROJECT_NAME": f"{NAME}-{os.getpid()}",
        "AWS_ENDPOINT_URL": live.stack.aws_url,
        **{name: values[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
    }
    own = "".join(f"{name}={value}\n" for name, value in {**ports, "LAKELAB_TAG": TAG}.items())
    text = re.sub("^LAB_STUDENTS=.*$", f"LAB_STUDENTS={STUDENTS}", handed.user_data, flags=re.M)
    text = text.replace("\nSETTINGS\n", f"\n{own}SETTINGS\n")
    found = Instance(folder, environment["COMPOSE_PROJECT_NAME"], environment, ports["AIRFLOW_PORT"])
    try:
        found.run(executable(folder / "user_data", re.sub("/(etc|opt)/", rf"{folder}/\1/", text)))
        yield found
    finally:
        found.end()


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_erp_holds_the_school_that_was_asked_for(instance: Instance) -> None:
    postgres = instance.containers()["postgres"]
    count = "SELECT count(*) FROM students"
    assert docker("exec", postgres, "psql", "-U", "postgres", "-d", "ERP", "-Atc", count) == str(STUDENTS)


def test_airflow_has_what_terraform_told_and_no_key(handed: Handed, instance: Instance) -> None:
    told = json.loads(handed.variables)
    assert told["bucket_name"] == BUCKET
    assert told["emr_cluster_id"].startswith("j-")
    assert instance.variables() == told
    found = instance.airflow.call("GET", "/connections")["connections"]
    connections = {each["connection_id"]: each for each in found}
    assert set(connections) == {"5DATA-ERP", "aws_default", "hiveserver2_default"}
    assert connections["5DATA-ERP"]["host"] == "postgres"
    assert connections["aws_default"]["login"] is None
    assert json.loads(connections["aws_default"]["extra"]) == {"region_name": "eu-west-1"}


def test_its_dags_are_there(instance: Instance) -> None:
    names = {"unload_erp", "transient_unload_erp", "ad_trends"}

    def found() -> set[str]:
        return {each["dag_id"] for each in instance.airflow.call("GET", "/dags")["dags"]}

    poll_until(lambda: found() == names, "all DAGs in Airflow")
    assert instance.airflow.call("GET", "/importErrors")["import_errors"] == []


def test_a_second_start_changes_nothing(live: Live, instance: Instance) -> None:
    def key() -> bytes:
        return bytes(live.stack.aws("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())

    before = instance.secrets.read_text(), key(), instance.containers()
    instance.script("boot.sh")
    assert (instance.secrets.read_text(), key(), instance.containers()) == before
    assert instance.secrets.stat().st_mode & 0o777 == 0o600


def test_a_new_cluster_reaches_airflow(live: Live, handed: Handed, instance: Instance) -> None:
    before = instance.began()
    instance.script("variables.sh")
    assert instance.began() == before
    told = {**json.loads(handed.variables), "emr_cluster_id": live.cluster}
    live.stack.aws("ssm").put_parameter(Name=PARAMETER, Value=json.dumps(told), Type="String", Overwrite=True)
    instance.script("variables.sh")
    poll_until(lambda: instance.variables() == told, "the new cluster in Airflow", 240)
