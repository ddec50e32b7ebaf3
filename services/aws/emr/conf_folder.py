"""A configuration folder of a cluster's own: the machine's files with the cluster's properties over them.

Standard library only: it runs on the primary node. Hadoop reads its XML files from one folder, so that folder has to
hold all of them; of properties that come twice, Hadoop, Spark and Log4j all take the last.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

PARTS = {"hadoop": ("HADOOP_CONF_DIR", "YARN_CONF_DIR"), "hive": ("HIVE_CONF_DIR",), "spark": ("SPARK_CONF_DIR",)}
HIVE_SETTINGS = "EMR_HIVE_SETTINGS"
_NAME = re.compile(r"[a-z][a-z0-9-]*/[a-z0-9][a-z0-9.-]*")
_EMPTY = '<?xml version="1.0"?>\n<configuration>\n</configuration>\n'
_END = "</configuration>"


def compose(defaults: Path, target: Path, files: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Make `target/<part>` of each `defaults/<part>/conf` with the properties of `files` over it.

    Returns the environment variables that lead there. HiveServer2 has read its own files long ago: what the cluster
    has for hive-site goes to the client's session, as JSON. OSError when the folder cannot be written.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables = {}
    for part, names in PARTS.items():
        folder = target / part
        shutil.rmtree(folder, ignore_errors=True)
        source = defaults / part / "conf"
        if source.is_dir():
            shutil.copytree(source, folder)
        else:
            folder.mkdir()
        variables.update(dict.fromkeys(names, str(folder)))
    for name, properties in files.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no file of a configuration")
        path = target / name
        if path.parent.is_dir():
            before = path.read_text() if path.exists() else ""
            path.write_text(_over(before, properties, path.suffix))
    if "hive/hive-site.xml" in files:
        variables[HIVE_SETTINGS] = json.dumps(dict(files["hive/hive-site.xml"]))
    return variables


def _over(text: str, properties: Mapping[str, str], kind: str) -> str:
    """The file's text with the properties after its own."""
    if kind != ".xml":
        between = " " if kind == ".conf" else "="
        lines = [f"{_key(name)}{between}{_value(value)}\n" for name, value in properties.items()]
        return text + ("\n" if text and not text.endswith("\n") else "") + "".join(lines)
    added = "".join(
        f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in properties.items()
    )
    head, end, tail = (text or _EMPTY).rpartition(_END)
    return f"{head}{added}{end}{tail}"


def _key(text: str) -> str:
    return re.sub(r"([\\ \t=:#!])", r"\\\1", text)


def _value(text: str) -> str:
    """As Java's Properties read it: a backslash and a line's end have to be escaped."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")
