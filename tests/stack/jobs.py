"""Jobs of a test's own in the bucket, and where it is told what became of a step: the sensor's log, and YARN."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from live import Live

Put = Callable[[str, str], str]


@pytest.fixture
def job(live: Live) -> Iterator[Put]:
    """Puts a job of the test's own into the bucket, for the length of the test; returns its address."""
    s3, bucket = live.stack.aws("s3"), live.stack.settings.bucket
    before: dict[str, bytes | None] = {}

    def put(key: str, text: str) -> str:
        there = "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=key)
        before[key] = s3.get_object(Bucket=bucket, Key=key)["Body"].read() if there else None
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
        return f"s3://{bucket}/{key}"

    yield put
    for key, content in before.items():
        if content is None:
            s3.delete_object(Bucket=bucket, Key=key)
        else:
            s3.put_object(Bucket=bucket, Key=key, Body=content)


def sensor_log(live: Live, dag: str, run_id: str, name: str) -> str:
    """The log of the sensor of the step with that name."""
    tasks = live.stack.airflow.tasks(dag, run_id)
    task = next(t for t in tasks if t["task_id"] == "step" and t["rendered_map_index"] == name)
    path = f"/dags/{dag}/dagRuns/{run_id}/taskInstances/step/logs/{task['try_number']}"
    return str(live.stack.airflow.call("GET", path, map_index=str(task["map_index"])))


def yarn_states(live: Live, tag: str) -> list[str]:
    """The states of YARN's applications with that tag."""
    url = f"http://127.0.0.1:{live.stack.environment['YARN_PORT']}/ws/v1/cluster/apps?applicationTags={tag}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return [app["state"] for app in (json.load(answer)["apps"] or {"app": []})["app"]]
