"""How the lab finds Terraform and its provider, what it makes of errors, and what it packs for AWS."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from lab.terraform import package, tool
from lab.terraform.report import part_of, rows
from lab.terraform.state import changes, managed
from lakelab.errors import LabError


def mirror(folder: Path) -> Path:
    (folder / "a.registry/hashicorp/aws/5.100.0/linux_amd64").mkdir(parents=True)
    return folder


def fake(folder: Path, script: str, name: str = "terraform") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def faked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(tool, "PLUGIN_FOLDERS", ())
    for name in ("LAB_TF_PLUGINS", "LAB_TERRAFORM"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_machine_without_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LAB_TERRAFORM", raising=False)
    with pytest.raises(LabError, match=r"there is no Terraform here \(PATH\): install Terraform 1.9 or newer"):
        tool.program()


def test_terraform_comes_first_and_the_setting_chooses_another(faked: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(faked))
    fake(faked, 'echo "OpenTofu v1.10.10"', "tofu")
    assert tool.program() == str(faked / "tofu")
    fake(faked, 'echo "Terraform v1.11.4"')
    assert tool.program() == str(faked / "terraform")
    for named in ("tofu", str(faked / "tofu")):
        monkeypatch.setenv("LAB_TERRAFORM", named)
        assert tool.program() == str(faked / "tofu")
    assert tool.Terraform(faked / "home").version() == "OpenTofu v1.10.10"


def test_a_setting_that_names_no_program_or_another_one_is_refused(faked: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAB_TERRAFORM", str(faked / "none"))
    with pytest.raises(LabError, match=r"no such program \(LAB_TERRAFORM=.*none\): name `terraform`, `tofu`, or the"):
        tool.program()
    fake(faked, 'echo "Python 3.12"', "python")
    monkeypatch.setenv("LAB_TERRAFORM", str(faked / "python"))
    with pytest.raises(LabError, match="neither Terraform nor OpenTofu"):
        tool.Terraform(faked / "home").version()


def test_errors_name_the_program_that_ran(faked: Path, monkeypatch: pytest.MonkeyPatch):
    fake(faked, "exit 1", "tofu")
    monkeypatch.setenv("LAB_TERRAFORM", "tofu")
    with pytest.raises(LabError, match=r"^tofu apply failed"):
        tool.Terraform(faked / "home").apply(faked / "plan")


def test_a_folder_with_the_provider_serves_terraform_and_opentofu(faked: Path, monkeypatch: pytest.MonkeyPatch):
    """Whichever of both filled it: each program says by which registry's name it asks."""
    release = "hashicorp/aws/5.100.0/linux_amd64"
    for name, registry in (("terraform", "one.example"), ("tofu", "other.example")):
        fake(faked, f'echo "└── provider[{registry}/hashicorp/aws]"', name)
        (faked / "plugins" / "one.example" / release).mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("LAB_TF_PLUGINS", str(faked / "plugins"))
        monkeypatch.setenv("LAB_TERRAFORM", name)
        for _ in range(2):  # the second call finds the first one's links
            found = tool.Terraform(faked / "home").environment()
        mirrors = re.findall(r'path = "(.*)"', Path(found["TF_CLI_CONFIG_FILE"]).read_text())
        assert len([m for m in mirrors if (Path(m) / registry / release).is_dir()]) == 1
        assert (mirrors == [str(faked / "plugins")]) == (name == "terraform")


def test_the_provider_is_where_the_setting_says_else_in_a_usual_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    named, usual = mirror(tmp_path / "named"), mirror(tmp_path / "parent" / "usual")
    monkeypatch.setattr(tool, "PLUGIN_FOLDERS", (str(tmp_path / "none"), str(usual.parent)))
    assert tool.plugins({"LAB_TF_PLUGINS": str(named)}) == named
    assert tool.plugins({}) == usual
    monkeypatch.setattr(tool, "PLUGIN_FOLDERS", ())
    assert tool.plugins({}) is None


def test_a_setting_without_the_provider_is_refused(tmp_path: Path):
    with pytest.raises(LabError, match="no provider hashicorp/aws there"):
        tool.plugins({"LAB_TF_PLUGINS": str(tmp_path)})


def test_a_user_s_own_account_and_a_missing_configuration_stay_outside(faked: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("TF_VAR_bucket_name", "other")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(faked / "none"))
    monkeypatch.setenv("LAB_TF_PLUGINS", str(mirror(faked / "plugins")))
    found = tool.Terraform(faked / "home", keys={"AWS_ACCESS_KEY_ID": "AKIA"}).environment()
    assert "AWS_PROFILE" not in found
    assert "TF_VAR_bucket_name" not in found
    assert found["AWS_ACCESS_KEY_ID"] == "AKIA"
    assert str(faked / "plugins") in Path(found["TF_CLI_CONFIG_FILE"]).read_text()


def test_a_provider_that_cannot_be_had_is_told_with_the_way_to_it(faked: Path):
    fake(faked, 'printf "Error: Failed to query available provider packages\\n\\nCould not retrieve\\n" >&2; exit 1')
    with pytest.raises(
        LabError, match=r"Failed to query available provider packages.*terraform providers mirror FOLDER"
    ):
        tool.Terraform(faked / "home").init()


def test_the_first_error_of_an_apply_is_one_line_and_names_the_resource(faked: Path):
    event = (
        '{"@level":"error","diagnostic":{"summary":"creating VPC","detail":"limit\\nreached","address":"aws_vpc.this"}}'
    )
    fake(faked, f"echo 'no JSON'; printf '%s\\n' '{event}' '{event}'; exit 1")
    with pytest.raises(LabError) as told:
        tool.Terraform(faked / "home").apply(faked / "plan")
    assert str(told.value) == "terraform apply: creating VPC: limit reached (and 1 more) (aws_vpc.this)"


def test_a_plan_says_whether_it_changes_anything(faked: Path):
    seen: list[str] = []
    fake(faked, 'echo \'{"type":"version"}\'; exit 2')
    assert tool.Terraform(faked / "home").plan(faked / "plan", seen=lambda event: seen.append(event["type"]))
    fake(faked, "exit 0")
    assert not tool.Terraform(faked / "home").plan(faked / "plan")
    assert seen == ["version"]


def test_resources_of_all_modules_and_what_changes():
    one, data = {"mode": "managed", "type": "aws_vpc", "address": "a"}, {"mode": "data", "type": "x", "address": "b"}
    inner = {"resources": [{**one, "address": "m.a"}], "child_modules": [{"resources": [{**one, "address": "m.n.a"}]}]}
    state = {"values": {"root_module": {"resources": [one, data], "child_modules": [inner]}}}
    assert sorted(each["address"] for each in managed(state)) == ["a", "m.a", "m.n.a"]
    assert list(managed({})) == []
    actions = {"a": ["create"], "b": ["no-op"], "c": ["delete", "create"]}
    plan = {
        "resource_changes": [{"mode": "managed", "address": n, "change": {"actions": a}} for n, a in actions.items()]
    }
    assert changes(plan) == ["a", "c"]


def test_every_resource_has_a_part_and_what_ran_comes_first():
    kinds = ["aws_vpc", "aws_emr_cluster", "aws_s3_object", "aws_s3_object", "aws_iam_role"]
    state = {"values": {"root_module": {"resources": [{"mode": "managed", "type": kind} for kind in kinds]}}}
    found = rows(state, {"standing": True, "release": "emr-5.32.0", "steps": ["a", "b"]})
    assert [(part, count) for part, count, _ in found] == [
        ("EMR: cluster", 1), ("S3: files", 2), ("IAM", 1), ("VPC", 1),
    ]  # fmt: skip
    on = "on the stack's Spark, HDFS and Hive, as emr-5.32.0"
    assert found[0][2] == f"executed: started; 1 bootstrap action and 2 steps ran {on}"
    assert part_of("aws_s3_bucket_public_access_block")[1] == "remembered"


def test_a_cluster_of_the_dag_s_own_is_in_the_report_though_terraform_made_none():
    state = {"values": {"root_module": {"resources": [{"mode": "managed", "type": "aws_s3_bucket"}]}}}
    (cluster, _) = rows(state, {"standing": False, "release": "emr-7.13.0", "steps": ["a"]})
    assert cluster[:2] == ("EMR: cluster", 0)
    assert cluster[2].startswith("executed: started by the DAG, gone with its last step; 1 steps ran on")


def test_the_same_clone_makes_the_same_archives_with_what_the_scheduler_starts(tmp_path: Path):
    first, second = package.make(tmp_path / "1"), package.make(tmp_path / "2")
    for name in ("lakelab.zip", "lakelab.tar.gz"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    with tarfile.open(fileobj=io.BytesIO((first / "lakelab.tar.gz").read_bytes())) as archive:
        modes = {member.name: member.mode for member in archive.getmembers()}
    assert modes["terraform/modules/erp_scheduler/files/boot.sh"] == 0o755
    assert {"compose/airflow.yaml", "services/airflow/Dockerfile", "dags/unload_erp.py", "uv.lock"} <= set(modes)
    assert not any("__pycache__" in name or ".env.local" in name for name in modes)


def test_a_clone_that_is_not_whole_is_told(tmp_path: Path):
    with pytest.raises(LabError, match="the clone is not whole"):
        package.code(tmp_path)
