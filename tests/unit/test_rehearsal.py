"""What a rehearsal is given by `--var`, and what it tells Airflow and takes back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner

from lab.cli import cli
from lab.stack.place import Stack
from lab.terraform import given, rehearse
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY


def test_variables_are_read_by_name():
    assert given.read([]) == {}
    assert given.read(["transient=true", 'tags={owner="a=b"}']) == {"transient": "true", "tags": '{owner="a=b"}'}
    assert {"transient", "emr_release_label", "bucket_name", "endpoint"} <= set(given.names())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transient", "not NAME=VALUE"),
        ("transient=", "not NAME=VALUE"),
        ("=true", "not NAME=VALUE"),
        ("transiant=true", "no such variable"),
        ("endpoint=https://elsewhere.example", "the rehearsal sets it itself"),
        ("force_destroy=false", "the rehearsal sets it itself"),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked(text: str, said: str):
    with pytest.raises(LabError, match=rf"^{said} \(--var {re.escape(text)}\): "):
        given.read([text])


def test_what_the_rehearsal_sets_itself_are_variables():
    assert set(given.OWN) <= set(given.names())


def test_destroy_takes_no_variables():
    done = CliRunner().invoke(cli, ["rehearse", "--destroy", "--var", "transient=true"])
    assert str(done.exception) == "--destroy takes away what is there (--var): leave it out"


def test_the_dag_without_a_standing_cluster_is_told_all_that_it_reads():
    """What Terraform does not set stays as it is: how often the lab asks EMR."""
    text = (REPOSITORY / "dags" / "EMR" / "transient_cluster.json").read_text()
    read = {"bucket_name", *re.findall(r"setting\('(\w+)'", text)}
    assert set(rehearse.READ[rehearse.TRANSIENT]) == read
    written = (REPOSITORY / "terraform" / "platform" / "main.tf").read_text()
    assert not [name for name in read if not re.search(rf"^    {name} += ", written, re.MULTILINE)]


class Variables:
    """Airflow's variables, and no more of its API."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def variables(self) -> dict[str, str]:
        return dict(self.values)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        name = body["key"] if method == "POST" and body else path.removeprefix("/variables/")
        assert (name in self.values) == (method != "POST"), (method, path)
        if method == "DELETE":
            del self.values[name]
        else:
            assert body
            self.values[name] = body["value"]


def stack(airflow: Variables) -> Stack:
    return cast(Stack, SimpleNamespace(airflow=airflow))


def test_airflow_is_told_and_has_its_own_variables_again_also_after_an_error(tmp_path: Path):
    airflow = Variables(bucket_name="mine", emr_poll_seconds="1")
    theirs = {"bucket_name": "theirs", "emr_subnet_id": "subnet-1"}

    def run() -> None:
        with rehearse.told(stack(airflow), tmp_path, theirs):
            assert airflow.values == {**theirs, "emr_poll_seconds": "1"}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert airflow.values == {"bucket_name": "mine", "emr_poll_seconds": "1"}
    assert not list(tmp_path.iterdir())


def test_a_rehearsal_that_was_killed_gives_back_at_the_next_one(tmp_path: Path):
    airflow = Variables(bucket_name="theirs", emr_subnet_id="subnet-1")
    (tmp_path / "airflow.json").write_text(json.dumps({"bucket_name": "mine", "emr_subnet_id": None}))
    rehearse._give_back(stack(airflow), tmp_path)
    assert airflow.values == {"bucket_name": "mine"}
    assert not list(tmp_path.iterdir())


def cluster(state: str, release: str = "emr-5.32.0") -> dict[str, Any]:
    return {"Id": "j-1", "ReleaseLabel": release, "Status": {"State": state}}


def test_a_standing_cluster_waits_after_the_run_and_the_dag_s_own_is_gone():
    rehearse._check_cluster(cluster("WAITING"), "emr-5.32.0", stands=True)
    rehearse._check_cluster(cluster("TERMINATED"), "emr-5.32.0", stands=False)
    with pytest.raises(LabError, match="the cluster is WAITING after the run"):
        rehearse._check_cluster(cluster("WAITING"), "emr-5.32.0", stands=False)
    with pytest.raises(LabError, match=r"the cluster is emr-7.13.0, not emr-5.32.0 \(j-1\)"):
        rehearse._check_cluster(cluster("WAITING", "emr-7.13.0"), "emr-5.32.0", stands=True)
