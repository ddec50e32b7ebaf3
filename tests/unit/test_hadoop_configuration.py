"""The servers' configuration, made from templates and the environment when a container starts."""

from __future__ import annotations

import os
import runpy
import stat
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HADOOP = Path(__file__).parents[2] / "services" / "hadoop"
SCRIPT = HADOOP / "lib" / "configure.py"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a&b<c"}


def configure(templates: Path, target: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(templates), str(target)]
    path = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env={**path, **environment}, capture_output=True, text=True, check=False)


def properties(file: Path) -> dict[str, str]:
    found = ElementTree.parse(file).getroot().findall("property")
    return {each.findtext("name", ""): each.findtext("value", "") for each in found}


def test_the_images_own_templates_make_xml_with_keys_that_only_the_owner_reads(tmp_path: Path) -> None:
    assert configure(HADOOP / "conf", tmp_path, **KEYS, S3_ENDPOINT="http://elsewhere:9").returncode == 0

    core = tmp_path / "hadoop" / "conf" / "core-site.xml"
    found = properties(core)
    assert found["fs.defaultFS"] == "hdfs://namenode:8020"
    assert found["fs.s3a.endpoint"] == "http://elsewhere:9"
    assert found["fs.s3a.secret.key"] == "a&b<c"
    assert stat.S_IMODE(core.stat().st_mode) == 0o600
    assert "${" not in (tmp_path / "hive" / "conf" / "hive-site.xml").read_text()
    assert (tmp_path / "spark" / "conf" / "log4j2.properties").exists()


def test_without_a_secret_its_line_is_left_out_and_no_default_takes_its_place(tmp_path: Path) -> None:
    configure(HADOOP / "conf", tmp_path)

    assert "fs.s3a.secret.key" not in properties(tmp_path / "hadoop" / "conf" / "core-site.xml")
    assert "javax.jdo.option.ConnectionPassword" not in properties(tmp_path / "hive" / "conf" / "hive-site.xml")


def test_what_hadoop_itself_fills_in_is_kept(tmp_path: Path) -> None:
    configure(HADOOP / "conf", tmp_path, **KEYS)

    assert properties(tmp_path / "hadoop" / "conf" / "mapred-site.xml")["mapreduce.job.tags"] == (
        "${env.EMR_STEP_TAG:-by-hand}"
    )


def test_a_line_that_is_no_property_ends_it_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "in" / "hadoop").mkdir(parents=True)
    (tmp_path / "in" / "hadoop" / "core-site.properties").write_text("# fine\na = b = c\nnonsense\n")

    done = configure(tmp_path / "in", tmp_path / "out")

    assert done.returncode == 1
    assert "not 'key = value': nonsense" in done.stderr


@pytest.mark.parametrize("line", ["a = ${SET}", "a = ${UNSET:-x}", "a = ${UNSET:-}"])
def test_defaults_and_variables(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SET", "x")
    template = tmp_path / "t.properties"
    template.write_text(line)

    lines = list(runpy.run_path(str(SCRIPT))["lines"](template))

    assert lines == (["a = "] if line.endswith(":-}") else ["a = x"])
