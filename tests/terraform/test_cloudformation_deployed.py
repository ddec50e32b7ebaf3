"""cloudformation/lakelab.yaml deployed on what answers for CloudFormation in the lab, and how far that goes.

The table in docs/terraform-or-cloudformation.md is held to what the services themselves say of the deployment.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from cloudformation_lab import BUCKET, EVERYONE, TEMPLATE, Lab, Readings, Shape, readings, start, what_is_not_made
from polling import poll_until
from terraform_place import KEYS

from lab import ports
from lakelab.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "terraform-or-cloudformation.md"


@dataclass(frozen=True)
class Story:
    """One stack from its first deployment to its end."""

    before: Shape
    first: Shape
    served: Shape  # with WithServers=true
    read: Readings  # then
    everyone: set[str]  # groups that then let everyone in
    not_made: Shape
    changed: Shape
    kept: tuple[str, str]  # after the change: the cluster's release, the instance's start
    after: Shape


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    log = tmp_path_factory.mktemp("cloudformation") / "moto.log"
    with ports.choosing(f"moto {log}") as choose:
        port = choose(5600)
    command = [sys.executable, "-m", "services.aws.server", "moto", "--host", "127.0.0.1", "--port", str(port)]
    given = {**os.environ, **KEYS, "PYTHONPATH": str(REPOSITORY), "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log.open("w") as stream:
        server = subprocess.Popen(command, env=given, stdout=stream, stderr=stream)
        try:
            poll_until(lambda: answers(port), "moto's server to answer", 60)
            yield told(Lab(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()
            server.wait(30)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


def told(lab: Lab) -> Story:
    before = lab.all_there_is()
    lab.deploy(BucketName=BUCKET, AlertEmail="nobody@example.org")
    first = lab.stack()
    lab.deploy(WithServers="true")
    served = lab.stack()
    ids, ec2 = served["made"], lab.client("ec2")
    read, not_made = readings(lab, ids), what_is_not_made(lab, ids)
    groups = ec2.describe_security_groups()["SecurityGroups"]
    everyone = {each["GroupName"] for each in groups if EVERYONE in json.dumps(each["IpPermissions"])}
    lab.deploy(Transient="true", EmrReleaseLabel="emr-5.32.0", Students="100", AlertEmail="nobody")
    cluster = lab.client("emr").describe_cluster(ClusterId=ids["Cluster"])["Cluster"]
    changed, kept = lab.stack(), (cluster["ReleaseLabel"], start(ec2, ids["Scheduler"]))
    lab.client("cloudformation").delete_stack(StackName="lakelab")
    return Story(before, first, served, read, everyone, not_made, changed, kept, lab.all_there_is())


@pytest.fixture(scope="module")
def resources() -> dict[str, Shape]:
    """The template's, by name."""
    from cfnlint.decode import cfn_yaml

    found: dict[str, Shape] = json.loads(json.dumps(cfn_yaml.load(str(TEMPLATE))))["Resources"]
    return found


@pytest.fixture(scope="module")
def page() -> dict[str, tuple[str, set[str]]]:
    """The page's table: what becomes of each type, and which of its properties are ignored."""
    row = r"^\| ((?:`AWS::\S+`(?:, )?)+) \| (.+?) \| (.*?) ?\|$"
    rows = re.findall(row, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    found = {kind: (what, set(re.findall(r"`([\w.]+)`", ignored)))
             for kinds, what, ignored in rows for kind in re.findall(r"`(\S+?)`", kinds)}  # fmt: skip
    assert found
    return found


def properties(resource: Shape) -> Iterator[str]:
    for name, value in resource.get("Properties", {}).items():
        if (resource["Type"], name) == ("AWS::EMR::Cluster", "Instances"):
            yield from (f"Instances.{each}" for each in value)
        else:
            yield name


def test_the_page_tells_what_becomes_of_every_resource(
    story: Story, resources: dict[str, Shape], page: dict[str, tuple[str, set[str]]]
) -> None:
    made = {resources[name]["Type"] for name in story.served["made"]}
    assert set(page) == {each["Type"] for each in resources.values()}
    assert {kind for kind, (what, _) in page.items() if what == "not made"} == set(page) - made
    assert story.not_made == {kind: [] for kind in set(page) - made}


def test_the_page_tells_every_property_that_is_ignored(
    story: Story, resources: dict[str, Shape], page: dict[str, tuple[str, set[str]]]
) -> None:
    asked: dict[str, set[str]] = {}
    for each in resources.values():
        asked.setdefault(each["Type"], set()).update(properties(each))
    assert {kind: set(found) for kind, found in story.read.items()} == {kind: asked[kind] for kind in story.read}

    ignored = {kind: {name for name, (there, wanted) in found.items() if there != wanted}
               for kind, found in story.read.items()}  # fmt: skip
    assert ignored == {kind: names for kind, (what, names) in page.items() if what != "not made"}


def test_nothing_is_let_in_from_everywhere(story: Story) -> None:
    assert story.everyone == set()


def test_the_servers_come_with_the_second_deployment(story: Story) -> None:
    assert (story.first["status"], story.served["status"]) == ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert set(story.served["made"]) - set(story.first["made"]) == {"Scheduler", "Cluster"}
    assert {name: story.served["made"][name] for name in story.first["made"]} == story.first["made"]
    assert story.first["outputs"] == {"Bucket": BUCKET}
    made = story.served["made"]
    outputs = {"Bucket": BUCKET, "ClusterId": made["Cluster"], "SchedulerId": made["Scheduler"]}
    assert story.served["outputs"] == outputs
    assert "emr_cluster_id" not in story.first["variables"]


def test_a_change_reaches_the_parameter_store_and_leaves_what_is_made(story: Story) -> None:
    assert story.changed["status"] == "UPDATE_COMPLETE"
    assert story.changed["parameters"]["EmrReleaseLabel"] == "emr-5.32.0"
    assert story.changed["parameters"]["AlertEmail"] == "nobody"  # no pattern is looked at
    assert story.changed["variables"]["emr_release_label"] == "emr-5.32.0"
    assert "ClusterId" not in story.changed["outputs"]
    assert story.changed["made"] == story.served["made"]
    release, begun = story.kept
    assert release == "emr-7.13.0"
    assert "LAB_STUDENTS=5000" in begun


def test_the_deletion_leaves_nothing_but_the_bucket(story: Story) -> None:
    assert {**story.after, "bucket": story.after["bucket"] - {BUCKET}} == story.before
    assert BUCKET in story.after["bucket"]
