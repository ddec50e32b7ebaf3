"""Keys for S3 that steps get: whose, for how long, what they may not, and how they reach Hadoop."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import EndpointConnectionError
from cluster_lab import ClusterEmr
from emr_lab import shell
from polling import poll_until

from services.aws.emr.executor import Away
from services.aws.emr.model import Cluster
from services.aws.emr.step_keys import StepKeys

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Sts:
    """Gives numbered keys, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.away = False

    def assume_role(self, **request: Any) -> dict[str, Any]:
        if self.away:
            raise EndpointConnectionError(endpoint_url="http://minio:9000")
        self.asked.append(request)
        number = len(self.asked)
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        return {"Credentials": {name: f"{name}{number}" for name in names}}


def cluster(name: str) -> Cluster:
    return Cluster(name, {"Name": "lab", "Instances": {}, "JobFlowRole": "EMR_EC2_DefaultRole"}, NOW)


def test_a_clusters_steps_share_keys_until_they_grow_old() -> None:
    sts, now = Sts(), NOW
    keys = StepKeys(sts, "123456789012", lambda: now)

    first = keys(cluster("j-1"), None)
    now += timedelta(days=1, hours=23)
    assert keys(cluster("j-1"), None) == first
    other = keys(cluster("j-2"), None)
    now += timedelta(hours=2)
    later = keys(cluster("j-1"), None)

    assert first == {
        "AWS_ACCESS_KEY_ID": "AccessKeyId1", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey1",
        "AWS_SESSION_TOKEN": "SessionToken1",
    }  # fmt: skip
    assert other["AWS_ACCESS_KEY_ID"] == "AccessKeyId2"
    assert later["AWS_ACCESS_KEY_ID"] == "AccessKeyId3"
    assert [asked["RoleSessionName"] for asked in sts.asked] == ["j-1", "j-2", "j-1"]
    assert sts.asked[0]["RoleArn"] == "arn:aws:iam::123456789012:role/EMR_EC2_DefaultRole"
    assert sts.asked[0]["DurationSeconds"] == 604_800
    _, denied = json.loads(sts.asked[0]["Policy"])["Statement"]
    assert denied == {
        "Effect": "Deny", "Action": ["s3:PutObject*", "s3:DeleteObject*"],
        "Resource": ["arn:aws:s3:::*/j-?????????????/*"],
    }  # fmt: skip
    assert len(sts.asked[0]["Policy"]) <= 2048, "STS takes no longer one"


def test_while_nobody_gives_keys_a_step_waits(cluster_emr: ClusterEmr, tmp_path: Path) -> None:
    sts = Sts()
    cluster_emr.stop()
    cluster_emr.start(environment=StepKeys(sts, "123456789012", lambda: NOW))
    sts.away = True
    with pytest.raises(Away, match="Could not connect"):
        StepKeys(sts, "123456789012", lambda: NOW)(cluster("j-1"), None)
    cluster_id = cluster_emr.cluster()

    (step_id,) = cluster_emr.add(
        cluster_id, shell('echo "$AWS_ACCESS_KEY_ID $AWS_SESSION_TOKEN"; cat $HADOOP_CONF_DIR/core-site.xml')
    )
    cluster_emr.running(cluster_id, step_id)
    assert cluster_emr.engine.step_log(cluster_id, step_id, "stdout") == b""
    sts.away = False

    assert cluster_emr.ended(cluster_id)[0]["State"] == "COMPLETED"
    assert cluster_emr.engine.step_log(cluster_id, step_id, "controller").count(b"Running: ") == 1
    said, _, site = cluster_emr.engine.step_log(cluster_id, step_id, "stdout").decode().partition("\n")
    assert said == "AccessKeyId1 SessionToken1"
    properties = {p.findtext("name"): p.findtext("value") for p in ElementTree.fromstring(site).iter("property")}
    assert properties == {
        "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
        "fs.s3a.access.key": "AccessKeyId1",
        "fs.s3a.secret.key": "SecretAccessKey1",
        "fs.s3a.session.token": "SessionToken1",
    }
    poll_until(lambda: not cluster_emr.executor.folder(cluster_id, step_id).exists(), "the keys to go with the folder")
