"""Every variable and output of terraform/ says what it is: read from the files themselves, without Terraform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hcl2
import pytest

from lakelab.settings import REPOSITORY

ROOT = REPOSITORY / "terraform"
MODULES = [*sorted((ROOT / "modules").iterdir()), ROOT / "platform"]
# As the original's own files named them.
OF_THE_ORIGINAL = {
    "key_name", "key_path", "docker_username", "docker_password", "bucket_name", "emr_service_role",
    "emr_instance_profile",
}  # fmt: skip


def blocks(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        found = hcl2.load(stream).get(kind, [])
    return {name.strip('"'): body for block in found for name, body in block.items()}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_has_its_five_files(module: Path) -> None:
    for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"):
        assert (module / name).is_file(), name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_variable_is_typed_and_described(module: Path) -> None:
    variables = blocks(module / "variables.tf", "variable")
    assert variables
    for name, body in variables.items():
        assert body.get("type"), name
        assert str(body.get("description", "")).strip('"').endswith("."), name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_output_is_described(module: Path) -> None:
    for name, body in blocks(module / "outputs.tf", "output").items():
        assert body.get("description"), name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_readme_names_every_variable_and_output(module: Path) -> None:
    text = (module / "README.md").read_text(encoding="utf-8")
    for name in [*blocks(module / "variables.tf", "variable"), *blocks(module / "outputs.tf", "output")]:
        assert f"`{name}`" in text, name


def test_the_original_s_variables_keep_their_names_and_two_things_must_be_given() -> None:
    variables = blocks(ROOT / "platform" / "variables.tf", "variable")
    assert set(variables) >= OF_THE_ORIGINAL
    assert {name for name, body in variables.items() if "default" not in body} == {"bucket_name", "alert_email"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_provider_is_pinned_in_one_way(module: Path) -> None:
    text = (module / "versions.tf").read_text()
    assert 'required_version = ">= 1.9"' in text
    assert 'version = ">= 5.80, < 6.0"' in text
