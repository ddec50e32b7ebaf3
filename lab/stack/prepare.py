"""Role `prepare`: what the cluster runs goes into the bucket, and a cluster stands. `python -m lab.stack.prepare`.

Done again at each start, which brings changed jobs into the bucket and finds the standing cluster. What Airflow
needs to know is left in the volume `state`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab import cluster
from lab.publish import publish
from lab.stack import role
from lab.stack.emr import RemoteEmr
from lakelab.errors import LabError
from lakelab.s3 import S3Storage
from lakelab.settings import Settings, load_settings

VARIABLES = Path("/var/lib/lakelab/variables.json")


def prepare() -> str:
    """Publish jobs, SQL and key; make HDFS folders and tables by the steps of a new cluster, unless one stands.

    LabError: the endpoint does not answer or refuses, or a step of the setup failed.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _prepare()
    except (BotoCoreError, ClientError) as error:
        raise LabError(str(error), where=role.need("AWS_ENDPOINT_URL"), fix="see `make logs`, then `make up`") from None


def _prepare() -> str:
    settings = load_settings()
    s3 = role.aws_client("s3")
    for bucket in (settings.bucket, settings.ad_logs_bucket, settings.ad_trends_bucket):
        create_bucket(s3, bucket)
    files = publish(S3Storage(s3), settings, role.need("PSEUDONYM_KEY"))
    ready = stand(RemoteEmr(role.aws_client("emr")), settings)
    write_variables(VARIABLES, {"bucket_name": settings.bucket, "emr_cluster_id": ready.id})
    done = f"made tables by {len(ready.setup)} steps of" if ready.setup else "found"
    return f"published {files} files to s3://{settings.bucket}/, {done} cluster {ready.id}"


def create_bucket(s3: Any, bucket: str) -> None:
    """Make the bucket unless it is there."""
    if bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})


def stand(emr: cluster.Emr, settings: Settings) -> cluster.Ready:
    """A cluster whose setup is done. LabError with the reason of the step when it fails."""
    ready = cluster.ready_cluster(emr, settings, alone=False)
    cluster.wait(emr, ready.id, ready.setup, settings)
    return ready


def write_variables(path: Path, variables: dict[str, str]) -> None:
    """Airflow's variables as JSON, seen whole or not at all."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(variables) + "\n", encoding="utf-8")
    new.replace(path)


if __name__ == "__main__":
    role.run(prepare)
