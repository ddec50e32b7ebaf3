"""EMR behind an endpoint, as `lab.cluster` wants it: the stack's, or AWS' own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.cluster import ENDED

Shape = dict[str, Any]


class RemoteEmr:
    """The operations by name on a boto3 client. Errors of the service are botocore's."""

    def __init__(self, client: Any, pause: float = 0.5) -> None:
        self._client = client
        self._pause = pause  # seconds between two looks at a state

    def list_clusters(self, request: Mapping[str, Any]) -> Shape:
        return self._call("list_clusters", request)

    def describe_cluster(self, request: Mapping[str, Any]) -> Shape:
        return self._call("describe_cluster", request)

    def set_termination_protection(self, request: Mapping[str, Any]) -> Shape:
        return self._call("set_termination_protection", request)

    def terminate_job_flows(self, request: Mapping[str, Any]) -> Shape:
        return self._call("terminate_job_flows", request)

    def run_job_flow(self, request: Mapping[str, Any]) -> Shape:
        return self._call("run_job_flow", request)

    def list_steps(self, request: Mapping[str, Any]) -> Shape:
        return self._call("list_steps", request)

    def add_job_flow_steps(self, request: Mapping[str, Any]) -> Shape:
        return self._call("add_job_flow_steps", request)

    def cancel_steps(self, request: Mapping[str, Any]) -> Shape:
        return self._call("cancel_steps", request)

    def wait_for_steps(self, cluster_id: str, step_ids: Sequence[str]) -> list[Shape]:
        """The steps as DescribeStep gives them, once all have ended."""
        return [self._ended(cluster_id, step_id) for step_id in step_ids]

    def wait_for_cluster(self, cluster_id: str, states: Sequence[str], timeout: float | None) -> Shape:
        """The cluster as DescribeCluster gives it, once it is in one of the states."""

        def look() -> Shape | None:
            found = self.describe_cluster({"ClusterId": cluster_id})
            return found if found["Cluster"]["Status"]["State"] in states else None

        return self._until(look, f"{cluster_id} {', '.join(states)}", timeout)

    def _ended(self, cluster_id: str, step_id: str) -> Shape:
        def look() -> Shape | None:
            step: Shape = self._call("describe_step", {"ClusterId": cluster_id, "StepId": step_id})["Step"]
            return step if step["Status"]["State"] in ENDED else None

        return self._until(look, f"the end of {step_id}", None)

    def _until(self, look: Callable[[], Shape | None], what: str, timeout: float | None) -> Shape:
        pause, end = threading.Event(), None if timeout is None else time.monotonic() + timeout
        while (found := look()) is None:
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"waited {timeout} s for {what}")
            pause.wait(self._pause)
        return found

    def _call(self, operation: str, request: Mapping[str, Any]) -> Shape:
        answer: Shape = getattr(self._client, operation)(**request)
        return answer
