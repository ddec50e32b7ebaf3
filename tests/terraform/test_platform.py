"""terraform/: well formed, planned as the school designed it, open to nobody, and refusing what cannot work."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from terraform_place import Place

from lab.terraform.rehearse import VARIABLES
from lab.terraform.tool import PLATFORM, Terraform
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

# Whatever names the whole internet, and why it may.
OPEN = {
    "module.network.aws_route.internet": "the way to packages and to AWS's own services",
    **{f'module.network.aws_vpc_security_group_egress_rule.out["{group}-{port}"]': "HTTP and HTTPS out"
       for group in ("scheduler", "emr-primary", "emr-core") for port in (80, 443)},
}  # fmt: skip


def after(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each resource will be, by its address."""
    return {c["address"]: c["change"]["after"] for c in plan["resource_changes"] if c["mode"] == "managed"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)
    elif isinstance(value, str):
        yield value


def test_the_files_are_formatted(terraform_program: str) -> None:
    done = subprocess.run(
        [terraform_program, "fmt", "-check", "-recursive", "-diff", str(REPOSITORY / "terraform")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_modules_hold_what_their_tests_say(place: Place) -> None:
    done = place.terraform().run("test", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
    assert int(done.stdout.split("Success! ")[1].split()[0]) >= 15


def test_the_original_s_platform_is_planned(planned: dict[str, Any]) -> None:
    found = after(planned)
    kinds = Counter(address.split("[")[0].split(".")[-2] for address in found)

    assert planned.get("errored") is not True
    once = ("vpc", "subnet", "internet_gateway", "route", "instance", "s3_bucket", "emr_cluster", "budgets_budget")
    assert {kind: kinds[f"aws_{kind}"] for kind in once} == dict.fromkeys(once, 1)
    subnet = found["module.network.aws_subnet.public"]
    assert (subnet["cidr_block"], subnet["availability_zone"]) == ("10.0.0.0/26", "eu-west-1a")
    cluster = found["module.emr.aws_emr_cluster.this[0]"]
    assert set(cluster["applications"]) == {"Hadoop", "Hive", "Hue", "Spark"}
    assert cluster["release_label"] == "emr-7.13.0"
    (node,) = cluster["master_instance_group"]
    assert (node["instance_type"], node["instance_count"]) == ("m5.xlarge", 1)


def test_jobs_sql_and_init_scripts_are_copied(planned: dict[str, Any]) -> None:
    keys = {value["key"] for address, value in after(planned).items() if ".aws_s3_object." in address}
    jobs = {f"spark/{path.name}" for path in (REPOSITORY / "spark-jobs").glob("*.py")}
    assert jobs
    assert jobs | {"hive/0_mkdirs_hdfs.sh", "hive/1_tables.hql", "hive/questions/01_best_students.sql"} <= keys
    assert {"init/bootstrap.sh", "init/lakelab.tar.gz", "spark/lakelab.zip"} <= keys
    assert not any(key.startswith("keys/") for key in keys)


def test_nothing_is_open_to_the_world_but_what_is_listed(planned: dict[str, Any]) -> None:
    everyone = {"0.0.0.0/0", "::/0"}
    found = {address for address, value in after(planned).items() if everyone & set(texts(value))}
    assert found == set(OPEN)


def test_no_rule_lets_anything_in_from_an_address(planned: dict[str, Any]) -> None:
    rules = {a: v for a, v in after(planned).items() if "security_group_ingress_rule" in a}
    assert set(rules) == {"module.network.aws_vpc_security_group_ingress_rule.hive"}
    assert rules["module.network.aws_vpc_security_group_ingress_rule.hive"]["cidr_ipv4"] is None


def test_disks_metadata_and_bucket_are_guarded(planned: dict[str, Any]) -> None:
    found = after(planned)
    instance = found["module.erp_scheduler.aws_instance.this"]
    assert instance["metadata_options"][0]["http_tokens"] == "required"
    assert instance["root_block_device"][0]["encrypted"] is True
    block = found["module.storage.aws_s3_bucket_public_access_block.this"]
    names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    assert all(block[name] is True for name in names)
    policy = json.loads(found["module.storage.aws_s3_bucket_policy.this"]["policy"])
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_bucket_s_settings_are_made_one_after_another(planned: dict[str, Any]) -> None:
    """Two that come at the same instant may be refused by S3; of two, MinIO loses one."""
    module = planned["configuration"]["root_module"]["module_calls"]["storage"]["module"]
    waits = {each["address"]: set(each.get("depends_on", ())) for each in module["resources"]}
    settings = {name for name in waits if name.startswith("aws_s3_bucket_")}

    def before(name: str) -> set[str]:
        return waits[name].union(*map(before, waits[name]))

    assert len(settings) >= 5
    assert sorted(len(before(name) & settings) for name in settings) == list(range(len(settings)))


def test_everything_that_takes_tags_has_the_project_s(planned: dict[str, Any]) -> None:
    tagged = {address: value["tags_all"] for address, value in after(planned).items() if value.get("tags_all")}
    assert len(tagged) > 15
    assert {tags["project"] for tags in tagged.values()} == {"lakelab-rehearsal"}


def test_no_policy_of_ours_allows_all_actions_or_all_resources(planned: dict[str, Any]) -> None:
    known = {address: value["policy"] for address, value in after(planned).items()
             if ".aws_iam_role_policy." in address and value.get("policy")}  # fmt: skip
    assert 'module.security.aws_iam_role_policy.own["scheduler"]' in known
    for address, text in known.items():
        for statement in json.loads(text)["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any("*" in action for action in actions), address
            if statement["Resource"] == "*":
                assert statement["Sid"] == "StartClusters", address
                assert statement["Condition"]["StringEquals"]["aws:RequestedRegion"] == "eu-west-1"


def test_no_secret_is_in_the_plan(place: Place) -> None:
    plan = place.planned(docker_username="somebody", docker_password="/lakelab/docker_password")
    names = set(json.dumps(plan["planned_values"]).replace('"', " ").split())
    assert not names & {"POSTGRES_PASSWORD", "ERP_OWNER_PASSWORD", "PSEUDONYM_KEY"}


BAD = {
    "bucket_name": ("Not_A_Bucket", "bucket_name has 3 to 63 lower-case letters"),
    "vpc_cidr": ("10.0.0.1/24", "vpc_cidr is the first address of a network"),
    "availability_zone": ("us-east-1a", "availability_zone lies in another region"),
    "alert_email": ("nobody", "alert_email is an e-mail address"),
    "docker_password": ("hunter2", "docker_password is the name of a parameter"),
    "emr_release_label": ("emr-4.0.0", "emr_release_label is a release such as emr-7.13.0"),
    "operator_cidrs": ('["0.0.0.0/0"]', "nothing is opened to the world"),
    "key_path": ("~/.ssh/x.pem", "key_path needs key_name"),
}


def test_what_cannot_work_is_refused_with_a_sentence_each(place: Place) -> None:
    """All at once: Terraform tells every variable that is wrong."""
    terraform = place.terraform(**{name: value for name, (value, _) in BAD.items()})
    done = terraform.run("plan", "-input=false", *terraform.variables, check=False)
    said = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == 1
    assert {name: sentence in said for name, (_, sentence) in BAD.items()} == dict.fromkeys(BAD, True), said


def test_a_zone_that_the_region_lacks_is_refused_before_anything_is_made(place: Place) -> None:
    with pytest.raises(
        LabError, match="Region eu-west-1 has no zone eu-west-1z: set availability_zone to one of eu-west"
    ):
        place.planned(availability_zone="eu-west-1z")


def test_a_missing_variable_is_named(place: Place, tmp_path: Path) -> None:
    given = tmp_path / "some.tfvars"
    given.write_text('bucket_name = "some-bucket"\n')
    terraform = Terraform(place.folder / "state", [given], place.terraform().values, place.terraform().keys)
    with pytest.raises(LabError, match=r'No value for required variable.*"alert_email" is not set'):
        terraform.plan(tmp_path / "plan")


def test_the_two_environments_set_variables_that_there_are() -> None:
    text = (PLATFORM / "variables.tf").read_text()
    example = (REPOSITORY / "terraform/environments/aws/terraform.tfvars.example").read_text()
    for given in (VARIABLES.read_text(), example):
        names = [
            line.lstrip("# ").split("=")[0].strip() for line in given.splitlines() if " = " in line or "  =" in line
        ]
        assert names
        for name in names:
            assert f'variable "{name}"' in text, name
