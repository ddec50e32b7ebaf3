"""What a rehearsal really did: what MinIO and our EMR executed, and what moto only remembered."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lab.terraform.state import managed

Shape = dict[str, Any]

EXECUTED, REMEMBERED = "executed", "remembered"
# By the beginning of a resource's type, the longest first: the part of AWS, and what the lab makes of it.
PARTS = {
    "aws_s3_bucket_public_access_block": ("S3: access", REMEMBERED, "by moto: MinIO has no such setting"),
    "aws_s3_bucket_ownership_controls": ("S3: access", REMEMBERED, "by moto: MinIO has no such setting"),
    "aws_s3_bucket_policy": ("S3: access", REMEMBERED, "by MinIO, which asks it of callers without a key alone"),
    "aws_s3_object": ("S3: files", EXECUTED, "in MinIO: jobs, SQL and init scripts, read by the steps"),
    "aws_s3_bucket": ("S3: bucket", EXECUTED, "in MinIO: encrypted at rest, old logs deleted"),
    "aws_emr_security_configuration": ("EMR: security", REMEMBERED, "kept and checked by name; encrypts nothing here"),
    "aws_emr_cluster": ("EMR: cluster", EXECUTED, ""),
    "aws_instance": ("EC2: ERP and Airflow", REMEMBERED, "by moto: its start did not run, the stack's were used"),
    "aws_iam": ("IAM", REMEMBERED, "by moto: nothing is allowed or refused by it"),
    "aws_kms": ("KMS", REMEMBERED, "by moto"),
    "aws_budgets": ("Budgets", REMEMBERED, "by moto: no mail is sent"),
    "aws_ssm": ("Parameter Store", REMEMBERED, "by moto; Airflow's variables were read from it"),
    "aws_": ("VPC", REMEMBERED, "by moto: no packet meets it"),
}  # fmt: skip


def rows(state: Shape, done: Shape) -> list[tuple[str, int, str]]:
    """Part, number of its resources, what happened; what was executed first.

    state: all that was applied.  done: whether the cluster stood, its release, the names of its steps.
    """
    counted: Counter[tuple[str, str, str]] = Counter(part_of(each["type"]) for each in managed(state))
    counted[part_of("aws_emr_cluster")] += 0  # the DAG's own is no resource, and ran all the same
    steps = f"{len(done['steps'])} steps ran on the stack's Spark, HDFS and Hive"
    began = "started; 1 bootstrap action and" if done["standing"] else "started by the DAG, gone with its last step;"
    ran = f"{began} {steps}, as {done['release']}"
    ordered = sorted(counted.items(), key=lambda item: (item[0][1] != EXECUTED, item[0][0]))
    return [(part, count, f"{kind}: {what or ran}") for (part, kind, what), count in ordered]


def part_of(kind: str) -> tuple[str, str, str]:
    """The part of AWS that a type of resource belongs to."""
    return next(about for beginning, about in PARTS.items() if kind.startswith(beginning))
