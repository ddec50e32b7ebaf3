"""What separates the clusters that share the one node: users, keys, and what only the endpoint knows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from live import Live
from polling import poll_until

from lakelab.settings import REPOSITORY

ATTACK = REPOSITORY / "tests" / "isolation.py"
NODE = "/var/lib/emr"


@pytest.fixture(scope="module")
def clusters(live: Live) -> Iterator[tuple[str, str]]:
    """Two clusters that wait for steps."""
    request = {
        "ReleaseLabel": "emr-7.13.0", "LogUri": f"s3://{live.stack.settings.bucket}/isolation",
        "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
        "JobFlowRole": "EMR_EC2_DefaultRole", "ServiceRole": "EMR_DefaultRole",
    }  # fmt: skip
    ids = [live.stack.emr.run_job_flow({**request, "Name": name})["JobFlowId"] for name in ("victim", "attacker")]
    for cluster in ids:
        live.stack.emr.wait_for_cluster(cluster, ["WAITING"], 120)
    yield ids[0], ids[1]
    live.stack.emr.terminate_job_flows({"JobFlowIds": ids})
    for cluster in ids:
        live.stack.emr.wait_for_cluster(cluster, ["TERMINATED"], 120)


def added(live: Live, cluster: str, *args: str) -> str:
    step = {
        "Name": "isolation", "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(args)},
    }  # fmt: skip
    return str(live.stack.emr.add_job_flow_steps({"JobFlowId": cluster, "Steps": [step]})["StepIds"][0])


@pytest.fixture(scope="module")
def found(live: Live, clusters: tuple[str, str]) -> dict[str, Any]:
    """What a step of one cluster could do while one of the other ran."""
    victim, attacker = clusters
    held = added(live, victim, "bash", "-c", "echo mine > secret; sleep 600")
    folder = f"{NODE}/steps/{victim}/{held}"

    def process() -> str:
        return live.sh("master", f"setpriv --reuid hadoop --clear-groups cat {folder}/child.json || true")

    child = json.loads(poll_until(process, "the other's step"))["pid"]
    s3, bucket = live.stack.aws("s3"), live.stack.settings.bucket
    s3.put_object(Bucket=bucket, Key="isolation/attack.py", Body=ATTACK.read_bytes())
    script = (
        f"aws s3 cp --quiet s3://{bucket}/isolation/attack.py . && "
        f"exec python3 attack.py {folder} {child} {NODE} /etc/hadoop/conf/core-site.xml /proc/1/environ"
    )
    step = added(live, attacker, "bash", "-c", script)
    (ended,) = live.stack.emr.wait_for_steps(attacker, [step])
    assert ended["Status"]["State"] == "COMPLETED", ended
    said: dict[str, Any] = json.loads(log(live, attacker, step, "stdout"))
    live.stack.emr.cancel_steps({"ClusterId": victim, "StepIds": [held]})
    return said


def log(live: Live, cluster: str, step: str, name: str) -> str:
    key = f"isolation/{cluster}/steps/{step}/{name}.gz"
    body = live.stack.aws("s3").get_object(Bucket=live.stack.settings.bucket, Key=key)["Body"].read()
    return gzip.decompress(body).decode()


def test_a_step_reaches_nothing_of_another_clusters_on_the_node(found: dict[str, Any]) -> None:
    assert found["could"] == []
    assert (found["name"], found["rights"]) == ("hadoop", 0)
    assert found["groups"] == [found["user"]]


def test_a_step_knows_no_password_and_has_keys_of_its_own(live: Live, found: dict[str, Any]) -> None:
    secrets = {name: value for name, value in live.stack.environment.values.items() if len(value) > 7}
    known = {
        name for name, value in secrets.items()
        if value in found["environment"].values() and ("PASSWORD" in name or "SECRET" in name or "ACCESS_KEY" in name)
    }  # fmt: skip
    assert known == set()
    assert found["environment"]["AWS_SESSION_TOKEN"]


def client(live: Live, service: str, found: dict[str, Any], **more: Any) -> Any:
    """A client with the keys of the step."""
    variables = found["environment"]
    return boto3.client(
        service, endpoint_url=live.stack.aws_url, region_name=live.stack.environment["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables["AWS_SESSION_TOKEN"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )  # fmt: skip


def test_a_steps_keys_run_nothing_and_change_no_log(
    live: Live, clusters: tuple[str, str], found: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client(live, "emr", found).list_clusters()
    s3, bucket, victim = client(live, "s3", found), live.stack.settings.bucket, clusters[0]
    key = f"isolation/{victim}/steps/s-1/stdout.gz"
    for call, more in ((s3.put_object, {"Body": b"planted"}), (s3.delete_object, {}), (s3.create_multipart_upload, {})):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(Bucket=bucket, Key=key, **more)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    s3.put_object(Bucket=bucket, Key="isolation/data", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="isolation/data")


def test_hadoop_and_spark_use_the_steps_keys(live: Live, clusters: tuple[str, str]) -> None:
    bucket, (victim, attacker) = live.stack.settings.bucket, clusters
    denied = added(
        live, attacker, "bash", "-c",
        f"exec hadoop fs -mkdir -p s3://{bucket}/isolation/{victim}/steps/s-1 2>&1",
    )  # fmt: skip
    job = f'spark.range(10).write.mode("overwrite").csv("s3://{bucket}/isolation/numbers")'
    allowed = added(
        live, attacker, "bash", "-c",
        "printf '%s\\n' 'from pyspark.sql import SparkSession' 'spark = SparkSession.builder.getOrCreate()' "
        f"'{job}' > job.py; exec spark-submit job.py",
    )  # fmt: skip
    first, second = live.stack.emr.wait_for_steps(attacker, [denied, allowed])
    assert first["Status"]["State"] == "FAILED"
    assert "AccessDenied" in log(live, attacker, denied, "stdout")
    assert second["Status"]["State"] == "COMPLETED", second
    listed = live.stack.aws("s3").list_objects_v2(Bucket=bucket, Prefix="isolation/numbers/part-")
    assert listed["KeyCount"] >= 1
