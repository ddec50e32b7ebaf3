"""The flows that the repository gives NiFi: complete, without secrets, and in step with the catalogue."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from lab.live import flow_files, flows, groups
from lab.live.nifi import Late
from lab.live.warehouse_tables import TABLES as WAREHOUSE_TABLES
from lab.live.warehouse_tables import table_sql
from lab.stack.environment import SECRETS
from labflow import catalogue
from lakelab.catalogue import TABLES, Personal
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

GROUPS = ("changes", "drop", "warehouse")
ENVIRONMENT = {
    name: f"value of {name}"
    for name in ("KAFKA_BOOTSTRAP", "S3_ENDPOINT", "AWS_REGION", "LAB_BUCKET", "AWS_ACCESS_KEY_ID",
                 "AWS_SECRET_ACCESS_KEY", "PSEUDONYM_KEY", "WAREHOUSE_HOST", "WAREHOUSE_PASSWORD")
}  # fmt: skip


def contents(name: str) -> dict[str, Any]:
    found: dict[str, Any] = flow_files.flow_files()[name]["flowContents"]
    return found


def parts(name: str) -> list[dict[str, Any]]:
    """Processors and services of a group."""
    return [*contents(name)["processors"], *contents(name)["controllerServices"]]


def test_the_groups_are_those_of_the_files():
    assert tuple(flow_files.flow_files()) == GROUPS
    assert [contents(name)["name"] for name in GROUPS] == list(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_every_parameter_that_a_flow_names_is_given_to_it(group: str):
    named = set(re.findall(r"#\{([^}]+)\}", json.dumps(contents(group))))
    assert named <= set(flows.parameters(ENVIRONMENT))


def test_every_parameter_is_used():
    named = set(re.findall(r"#\{([^}]+)\}", json.dumps([contents(group) for group in GROUPS])))
    assert named == set(flows.parameters(ENVIRONMENT))


def test_a_parameter_without_a_value_is_named():
    with pytest.raises(LabError, match="PSEUDONYM_KEY is not set"):
        flows.parameters({**ENVIRONMENT, "PSEUDONYM_KEY": ""})


@pytest.mark.parametrize("group", GROUPS)
def test_secrets_are_parameters_and_nothing_else(group: str):
    for part in parts(group):
        for name, value in part["properties"].items():
            if re.search(r"password|secret|pseudonym key", name, re.IGNORECASE):
                assert re.fullmatch(r"#\{[a-z0-9.]+\}", value or ""), f"{part['name']}: {name}"


def test_parameters_that_are_secrets_are_kept_as_such():
    secret = {name for name, (_, sensitive) in flows.parameters(ENVIRONMENT).items() if sensitive}
    assert secret == {"s3.secret.key", "pseudonym.key", "warehouse.password"}
    assert {"AWS_SECRET_ACCESS_KEY", "PSEUDONYM_KEY", "WAREHOUSE_PASSWORD", "NIFI_ADMIN_PASSWORD"} <= set(SECRETS)


@pytest.mark.parametrize("group", GROUPS)
def test_no_way_out_of_a_processor_is_forgotten(group: str):
    """What fails goes somewhere: every processor's failure is a queue, or tried again into one."""
    found = contents(group)
    leads = {(c["source"]["id"], r) for c in found["connections"] for r in c["selectedRelationships"]}
    for processor in found["processors"]:
        assert "failure" not in processor["autoTerminatedRelationships"], processor["name"]
        if processor["type"] not in ("ConsumeKafkaTopic",) and not processor["type"].endswith(
            ("RouteText", "RouteOnAttribute", "UpdateAttribute", "GetFile")
        ):
            assert (processor["identifier"], "failure") in leads, processor["name"]


@pytest.mark.parametrize("group", GROUPS)
def test_queues_hold_little_so_that_back_pressure_is_seen(group: str):
    for connection in contents(group)["connections"]:
        assert 0 < connection["backPressureObjectThreshold"] <= 100
        assert connection["backPressureDataSizeThreshold"] == "64 MB"
        assert connection["flowFileExpiration"] == "0 sec"  # nothing is ever thrown away by age


@pytest.mark.parametrize("group", GROUPS)
def test_the_canvas_says_what_it_does(group: str):
    assert contents(group)["comments"]
    assert len(contents(group)["labels"]) >= 3
    assert all(label["style"]["background-color"] for label in contents(group)["labels"])


def test_processors_of_the_labs_own_are_there_in_the_version_that_the_flows_name():
    for group in GROUPS:
        for processor in contents(group)["processors"]:
            if processor["bundle"]["artifact"] == "python-extensions":
                path = REPOSITORY / "nifi" / "processors" / f"{processor['type']}.py"
                assert f'version = "{processor["bundle"]["version"]}"' in path.read_text(encoding="utf-8")


def test_processors_can_be_read_by_nifi():
    """NiFi finds a processor by plain assignments of these two classes, without running the file."""
    for path in (REPOSITORY / "nifi" / "processors").glob("*.py"):
        (processor,) = [n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.ClassDef)]
        inner = [node for node in processor.body if isinstance(node, ast.ClassDef)]
        inner = [node for node in processor.body if isinstance(node, ast.ClassDef)]
        told = {
            node.name: {ast.unparse(a.targets[0]) for a in node.body if isinstance(a, ast.Assign)} for node in inner
        }
        assert processor.name == path.stem
        assert told == {"Java": {"implements"}, "ProcessorDetails": {"version", "description", "tags"}}


def test_masks_hold_for_every_personal_column():
    """By hand for what must never leave; for the rest, every column that names or reaches somebody is masked."""
    masks = {(t.name, c.name): c.mask for t in catalogue.tables().values() for c in t.columns}
    for column in ("first_name", "last_name", "email", "personal_email"):
        assert masks["students", column] == "remove"
    assert masks["students", "id"] == masks["grades", "student_id"] == "pseudonym:students"
    assert masks["students", "date_of_birth"] == "year"
    assert masks["lessons", "professor_id"] == masks["professors", "id"] == "pseudonym:professors"
    for table in TABLES:
        for column in table.columns:
            if column.personal in (Personal.IDENTIFIER, Personal.CONTACT):
                assert masks[table.name, column.name], f"{table.name}.{column.name}"


def test_the_processors_know_the_tables_of_the_catalogue():
    assert [(t.name, t.names) for t in catalogue.tables().values()] == [(t.name, t.column_names) for t in TABLES]


def test_the_warehouse_flow_has_tables_that_say_nothing_about_a_person():
    (route,) = [p for p in contents("changes")["processors"] if p["name"] == "Which table?"]
    named = re.search(r"matches\('([a-z|]+)'\)", route["properties"]["reference table"])
    assert named is not None
    assert set(named[1].split("|")) == {t.name for t in WAREHOUSE_TABLES}
    for table in WAREHOUSE_TABLES:
        assert all(c.personal is Personal.NONE for c in table.columns)
        assert "PRIMARY KEY (id)" in table_sql(table)


def test_a_group_remembers_the_file_that_it_was_made_of_and_whether_it_was_finished():
    flow = flow_files.flow_files()["drop"]
    assert flow_files.mark_of({"component": {"comments": "made by hand"}}) == flow_files.Mark("", done=True)
    begun = flow_files.snapshot("drop", flow)["flowContents"]["comments"]
    assert re.fullmatch(r"Files .* \[being made of nifi/flows/drop\.json [0-9a-f]{12}\]", begun)
    assert flow_files.mark_of({"component": {"comments": begun}}) == flow_files.Mark(begun[-13:-1], done=False)
    made = flow_files.marked(begun, "drop", begun[-13:-1], done=True)
    assert made == begun.replace("being made", "made")
    assert flow_files.mark_of({"component": {"comments": made}}) == flow_files.Mark(begun[-13:-1], done=True)
    assert flow_files.version({**flow, "flowEncodingVersion": "2"}) != begun[-13:-1] == flow_files.version(flow)


def test_what_nifi_must_know_before_a_flow_is_made_is_told_with_its_version():
    found = flow_files.types(flow_files.flow_files())
    assert ("ConsumeKafkaTopic", "1.0.0") in found
    assert {kind for kind, _ in found if "." not in kind} == {
        path.stem for path in (REPOSITORY / "nifi" / "processors").glob("*.py")
    }


class Doing:
    """A NiFi that is waited for in vain, and what is done to its groups."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
        self.done: list[str] = []
        for name in ("make", "replace", "remove"):
            monkeypatch.setattr(groups, name, lambda *_, name=name: self.done.append(name))
        monkeypatch.setattr(groups, "is_whole", lambda *_: whole)

    def tell(self, line: str) -> None:
        """Nobody listens."""

    def wait(self, check: Any, what: str, seconds: float) -> None:
        if not check():
            raise Late(what)


@pytest.mark.parametrize(
    ("mark", "whole", "done"),
    [
        (None, False, ["make"]),
        ("being made", True, []),
        ("being made", False, ["remove", "make"]),
        ("another file", True, ["replace"]),
        ("by hand", True, ["replace"]),
    ],
)
def test_what_is_on_the_canvas_decides_what_is_done(monkeypatch, mark, whole, done):
    flow = flow_files.flow_files()["drop"]
    comments = {
        "being made": flow_files.snapshot("drop", flow)["flowContents"]["comments"],
        "another file": "Files. [made of nifi/flows/drop.json 0123456789ab]",
        "by hand": "mine",
    }
    found = {"id": "1", "component": {"comments": comments[mark]}} if mark else None
    nifi = Doing(monkeypatch, whole=whole)
    assert groups.bring(nifi, found, "drop", flow).startswith("drop: ")  # type: ignore[arg-type]
    assert nifi.done == done


@pytest.mark.parametrize("group", GROUPS)
def test_a_file_is_as_an_export_writes_it_whatever_the_order_and_the_ids_of_one_nifi(group: str):
    text = (flow_files.FOLDER / f"{group}.json").read_text(encoding="utf-8")
    of_nifi = json.loads(text.replace(contents(group)["identifier"], "0a0a0a0a-0000-1000-8000-000000000000"))
    of_nifi["flowContents"]["comments"] += f" [made of nifi/flows/{group}.json 0123456789ab]"
    of_nifi["flowContents"]["instanceIdentifier"] = "of one NiFi"
    for parts in ("processors", "connections", "labels"):
        of_nifi["flowContents"][parts].reverse()
    first = of_nifi["flowContents"]["processors"][0]
    first["instanceIdentifier"] = "of one NiFi"
    first["propertyDescriptors"]["x"] = {"identifiesControllerService": False}
    first["autoTerminatedRelationships"].reverse()
    first["position"] = {axis: float(value) for axis, value in first["position"].items()}
    of_nifi["parameterContexts"] = {"lab": {"parameters": [{"name": "s3.bucket", "value": "of one lab"}]}}
    assert flow_files.tidy(of_nifi) == text
