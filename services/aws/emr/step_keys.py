"""Keys for S3 that a cluster's steps get: for some days, and not for what the endpoint publishes as steps' logs.

They are those of AssumeRole (AWS Security Token Service API Reference), which MinIO answers too, with a policy of the
session; to the endpoint itself they mean nothing. As an instance profile's, they are the same for a cluster's steps.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.aws.emr.executor import Away
from services.aws.emr.model import Cluster, Step

_LIFE = timedelta(days=7)  # the longest that MinIO gives
_LEAST_LEFT = timedelta(days=5)  # when a step begins
_LOGS = "arn:aws:s3:::*/j-?????????????/*"  # of any cluster under any LogUri
# Nothing with a bucket's settings: its policy could open the logs to all, its life cycle expire them.
_ACTIONS = [
    "s3:Get*", "s3:List*", "s3:PutObject*", "s3:DeleteObject*", "s3:AbortMultipartUpload", "s3:CreateBucket",
    "s3:DeleteBucket",
]  # fmt: skip
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": _ACTIONS, "Resource": ["arn:aws:s3:::*"]},
        {"Effect": "Deny", "Action": ["s3:PutObject*", "s3:DeleteObject*"], "Resource": [_LOGS]},
    ],
}
_PROVIDER = "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider"


@dataclass(frozen=True)
class _Keys:
    variables: Mapping[str, str]
    until: datetime


class StepKeys:
    """The variables with a step's keys. Safe for many threads.

    sts: boto3's client.
    """

    def __init__(self, sts: Any, account: str, clock: Callable[[], datetime]) -> None:
        self._sts, self._account, self._clock = sts, account, clock
        self._lock = threading.Lock()
        self._of: dict[str, _Keys] = {}

    def __call__(self, cluster: Cluster, step: Step) -> Mapping[str, str]:
        """Away while nobody gives keys."""
        with self._lock:
            now = self._clock()
            self._of = {name: keys for name, keys in self._of.items() if keys.until - now >= _LEAST_LEFT}
            if cluster.id not in self._of:
                self._of[cluster.id] = _Keys(self._asked(cluster), now + _LIFE)
            return self._of[cluster.id].variables

    def _asked(self, cluster: Cluster) -> Mapping[str, str]:
        from botocore.exceptions import BotoCoreError, ClientError

        role = cluster.request.get("JobFlowRole") or "EMR_EC2_DefaultRole"
        try:
            keys = self._sts.assume_role(
                RoleArn=f"arn:aws:iam::{self._account}:role/{role.rpartition('/')[2]}", RoleSessionName=cluster.id,
                Policy=json.dumps(POLICY, separators=(",", ":")), DurationSeconds=int(_LIFE.total_seconds()),
            )["Credentials"]  # fmt: skip
        except (BotoCoreError, ClientError) as error:
            raise Away(f"no keys for the step: {error}") from None
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }


def s3a(variables: Mapping[str, str]) -> dict[str, str]:
    """The properties of core-site by which Hadoop's S3A takes the keys of a session; none when there is none."""
    if "AWS_SESSION_TOKEN" not in variables:
        return {}
    return {
        "fs.s3a.aws.credentials.provider": _PROVIDER,
        "fs.s3a.access.key": variables["AWS_ACCESS_KEY_ID"],
        "fs.s3a.secret.key": variables["AWS_SECRET_ACCESS_KEY"],
        "fs.s3a.session.token": variables["AWS_SESSION_TOKEN"],
    }
