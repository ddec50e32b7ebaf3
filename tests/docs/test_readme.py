"""README.md holds: its commands run, its targets, folders and links exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lakelab.settings import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
LAB_COMMANDS = [command for command in COMMANDS if command.startswith(".venv/bin/lab ")]


def test_the_first_two_commands_are_demo_and_test():
    assert COMMANDS[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", LAB_COMMANDS)
def test_command_runs_after_a_demo(demo_lab, command):
    demo_lab.succeed(*shlex.split(command)[1:])


def test_every_make_target_named_in_the_documents_exists_and_has_help():
    makefile = (REPOSITORY / "Makefile").read_text()
    named = set(re.findall(r"`?make ([a-z]+)", README))
    with_help = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert named <= with_help
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)", makefile, re.MULTILINE))
    assert phony - with_help == {"python"}


def test_every_lab_command_named_exists():
    for name in set(re.findall(r"`lab ([a-z]+)", README)):
        done = subprocess.run([sys.executable, "-m", "lab.cli", name, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, name


def test_the_table_of_folders_names_folders_that_exist():
    folders = re.findall(r"^\| `([a-z/-]+/)` \|", README, re.MULTILINE)
    assert len(folders) >= 9
    for folder in folders:
        assert (REPOSITORY / folder).is_dir(), folder


def test_links_lead_somewhere():
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_setting_is_documented():
    documented = set(re.findall(r"^\| `(LAB_[A-Z_]+)`", (REPOSITORY / "docs/settings.md").read_text(), re.MULTILINE))
    source = [REPOSITORY / "lakelab" / "settings.py", *(REPOSITORY / "lab").rglob("*.py")]
    used = {name for path in source for name in re.findall(r"\"(LAB_[A-Z_]+)\"", path.read_text(encoding="utf-8"))}
    passed_to_steps = {"LAB_PYTHON", "LAB_SPARK_PROPERTIES"}
    assert used - passed_to_steps == documented


def test_make_alone_lists_the_targets():
    done = subprocess.run(["make", "--no-print-directory"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("make demo")
    assert "make test" in done.stdout


def test_a_wrong_python_is_told(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "python", f"PYTHON={old}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "is not Python 3.11, 3.12 or 3.13" in done.stderr


def test_ci_calls_the_readme_test_command():
    assert "make test" in Path(REPOSITORY / ".ci/run").read_text()
