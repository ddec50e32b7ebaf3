"""`lab emr serve`: a client of AWS runs a configured Spark step on the embedded lab."""

from __future__ import annotations

import json
import signal
from typing import Any

import boto3
from demo_lab import Lab, stop

JOB = """import os
from pyspark.sql import SparkSession
spark = SparkSession.builder.enableHiveSupport().getOrCreate()
hadoop = spark._jsc.hadoopConfiguration()
print(spark.conf.get("spark.sql.shuffle.partitions"), hadoop.get("hive.exec.dynamic.partition.mode"))
print(os.environ["COLOUR"])
"""
CONFIGURATIONS = [
    {"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "7"}},
    {"Classification": "hive-site", "Properties": {"hive.exec.dynamic.partition.mode": "nonstrict"}},
    {
        "Classification": "spark-env",
        "Configurations": [{"Classification": "export", "Properties": {"COLOUR": "blue"}}],
    },
]


def test_a_client_of_aws_runs_a_configured_step(fresh_lab: Lab) -> None:
    server = fresh_lab.start("emr", "serve")
    try:
        told = dict(server.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(4))
        place = fresh_lab.place
        place.storage.write(f"s3://{place.settings.bucket}/job.py", JOB.encode())
        emr = boto3.client(
            "emr", endpoint_url=told["AWS_ENDPOINT_URL_EMR"], region_name=told["AWS_DEFAULT_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"], aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        cluster = emr.run_job_flow(**_request(place.settings.bucket))["JobFlowId"]
        quick = {"Delay": 1, "MaxAttempts": 120}
        emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=quick)
        (step,) = emr.list_steps(ClusterId=cluster)["Steps"]
        listed = json.loads(fresh_lab.succeed("aws", "emr", "list-clusters", "--output", "json"))
        no_stack = fresh_lab.run("aws", "s3", "ls", LAB_STACK_ENV=str(fresh_lab.home / "none"))
    finally:
        code, said = stop(server, signal.SIGINT)

    assert step["Status"]["State"] == "COMPLETED", said
    assert (code, said) == (0, "")
    assert fresh_lab.succeed("emr", "logs", step["Id"], "stdout") == "7 nonstrict\nblue\n"
    assert [found["Id"] for found in listed["Clusters"]] == [cluster]
    assert no_stack.stderr == f"lab: `lab emr serve` has no s3 ({told['AWS_ENDPOINT_URL_EMR']}): run `make up`\n"
    assert not (fresh_lab.home / "aws.url").exists()
    assert "TERMINATED" in fresh_lab.succeed("emr", "clusters")
    assert (fresh_lab.home / "aws.env").stat().st_mode & 0o777 == 0o600


def _request(bucket: str) -> dict[str, Any]:
    submit = {"Jar": "command-runner.jar", "Args": ["spark-submit", f"s3://{bucket}/job.py"]}
    return {
        "Name": "served",
        "ReleaseLabel": "emr-7.13.0",
        "LogUri": f"s3://{bucket}/logs/",
        "Applications": [{"Name": "Spark"}],
        "Configurations": CONFIGURATIONS,
        "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1},
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "ServiceRole": "EMR_DefaultRole",
        "Steps": [{"Name": "job", "ActionOnFailure": "CONTINUE", "HadoopJarStep": submit}],
    }
