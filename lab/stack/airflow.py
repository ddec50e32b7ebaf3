"""Airflow's REST API from the host: the last run of a pipeline, and starting one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from lakelab.errors import LabError

Shape = dict[str, Any]
USER = "admin"


@dataclass(frozen=True)
class Airflow:
    """One Airflow. LabError when it does not answer or refuses."""

    url: str
    password: str

    @cached_property
    def token(self) -> str:
        return str(self._send("POST", "/auth/token", {"username": USER, "password": self.password})["access_token"])

    def call(self, method: str, path: str, body: Shape | None = None, **query: str) -> Shape:
        """A call of the API, version 2; path without its prefix."""
        parameters = f"?{urlencode(query)}" if query else ""
        return self._send(method, f"/api/v2{path}{parameters}", body, self.token)

    def last_run(self, dag: str) -> Shape | None:
        """The newest run of a DAG, None when there is none yet."""
        runs = self.call("GET", f"/dags/{dag}/dagRuns", order_by="-run_after", limit="1")["dag_runs"]
        return runs[0] if runs else None

    def run(self, dag: str, run_id: str) -> Shape:
        return self.call("GET", f"/dags/{dag}/dagRuns/{quote(run_id, safe='')}")

    def tasks(self, dag: str, run_id: str) -> list[Shape]:
        """The task instances of a run."""
        path = f"/dags/{dag}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        found: list[Shape] = self.call("GET", path, limit="100")["task_instances"]
        return found

    def variables(self) -> dict[str, str]:
        """Its variables, by name."""
        return {each["key"]: each["value"] for each in self.call("GET", "/variables", limit="100")["variables"]}

    def trigger(self, dag: str, conf: Shape | None = None) -> str:
        """Start a run; returns its id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self.call("POST", f"/dags/{dag}/dagRuns", body)["dag_run_id"])

    def _send(self, method: str, path: str, body: Shape | None = None, token: str = "") -> Shape:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: Shape = json.loads(answer.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace")
            raise LabError(f"Airflow answers {error.code}: {said}", where=path, fix="see `make logs`") from None
        except OSError as error:
            raise LabError(f"Airflow does not answer: {error}", where=self.url, fix="run `make up`") from None
