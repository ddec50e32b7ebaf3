"""`lab emr drift`: where the lab runs other versions than AWS would for a release label, and what that may change."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.embedded.java import find_java
from lab.embedded.spark import spark_home
from lab.stack.compose import versions as pinned
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY
from services.aws.emr.releases import Release, absence, concise, labels, release

HADOOP_IMAGE = REPOSITORY / "services" / "hadoop" / "Dockerfile"
DEBIAN_PYTHON = {"bookworm": "3.11"}  # https://packages.debian.org/bookworm/python3

Number = tuple[int, ...]


@dataclass(frozen=True)
class Drift:
    """One part that AWS runs. aws: its version there.  embedded, stack: the lab's, empty where the lab has none."""

    name: str
    aws: str
    embedded: str
    stack: str
    effect: str


@dataclass(frozen=True)
class Effect:
    """What a difference may change for a job, where AWS's version is below `below` and at least `least`."""

    name: str
    below: Number
    least: Number
    told: str


# From the migration guides and release notes of the parts; the first that fits is told.
EFFECTS = (
    Effect(
        "Spark", (3,), (0,),
        "Spark 2.4: dates before 1582 follow the Julian calendar, INSERT casts what 3.x refuses, plans do not adapt, "
        "newer functions are missing. Run the job there before you trust it.",
    ),
    Effect("Spark", (3, 5), (3,), "An older Spark 3: functions and DataFrame methods that came later are missing."),
    Effect("Spark", (4,), (3, 5), "The same line, 3.5: jobs behave alike, on Amazon's faster runtime."),
    Effect("Hadoop", (3,), (0,), "Hadoop 2: services and pages on other ports, `hadoop fs` without newer options."),
    Effect("Hadoop", (3, 4), (3,), "Hadoop 3 before 3.4: S3A is on version 1 of AWS's SDK, with its class names."),
    Effect("Hadoop", (4,), (3, 4), "The same line, 3.4. s3:// is EMRFS or Amazon's S3A there, plain S3A here."),
    Effect(
        "Hive", (3,), (0,),
        "Hive 2.3: constraints, materialised views and functions of Hive 3 and 4 fail; newer reserved words are free.",
    ),
    Effect(
        "Hive", (4,), (3,),
        "Hive 3.1: what 4.0 added fails, words that it reserves are free. The embedded lab has no Hive: Spark's SQL "
        "runs its scripts.",
    ),
    Effect("Tez", (1,), (0,), "Only how fast Hive's queries run, and what the logs say."),
    Effect(
        "Sqoop", (2,), (0,),
        "The stack's imports and exports text files; for Avro, Parquet, Hive, HBase and databases but Postgres it "
        "lacks the JARs. The embedded lab has none.",
    ),
    Effect("Java", (17,), (0,), "Java 8: a JAR compiled for 11 or 17 does not load, and Java's options differ."),
    Effect("Java", (18,), (17,), "The same Java."),
    Effect("Python 3", (3, 9), (0,), "`match`, `X | Y` in types, `removeprefix`, `zoneinfo` and newer fail."),
    Effect("Python 3", (3, 11), (3, 9), "`match`, `X | Y` in types and what 3.11 added fail."),
    Effect("Python 3", (4,), (3, 11), "3.9 stands beside it: PYSPARK_PYTHON in spark-env chooses."),
    Effect("Scala", (2, 12), (0,), "JARs of Scala 2.12 do not load there, those of 2.11 not here."),
    Effect("Scala", (2, 13), (2, 12), "The same line, 2.12: JARs fit both."),
    Effect("AWS SDK for Java", (2,), (0,), "Version 1: classes in com.amazonaws, not software.amazon.awssdk."),
    Effect("AWS SDK for Java", (3,), (2,), "Version 1 stands beside version 2 there; the stack has version 2 alone."),
)  # fmt: skip


def drifts(of: Release, embedded: Mapping[str, str], stack: Mapping[str, str]) -> list[Drift]:
    """A record for each part that the lab runs as well, in the order of the lab's list."""
    there = {**of.runtime, **of.applications}
    if "Python" in there:
        there["Python 3"] = there.pop("Python").split(", ")[-1]
    return [
        Drift(name, there[name], embedded.get(name, ""), stack.get(name, ""), effect(name, there[name]))
        for name in dict.fromkeys([*stack, *embedded])
        if name in there
    ]


def effect(name: str, aws: str) -> str:
    """What the lab's version may change for a job that AWS would run with that one."""
    number = _number(aws)
    fitting = (known.told for known in EFFECTS if known.name == name and known.least <= number < known.below)
    return next(fitting, "")


def embedded_versions() -> dict[str, str]:
    """What the embedded lab runs: Spark with the JARs that it brings, and this Python."""
    jars = spark_home() / "jars"
    return {
        "Spark": _jar(jars, "spark-core_2.12"),
        "Hadoop": _jar(jars, "hadoop-client-api"),
        "Java": find_java().version,
        "Python 3": platform.python_version(),
        "Scala": _jar(jars, "scala-library"),
    }


def stack_versions() -> dict[str, str]:
    """What the stack's cluster runs: the versions that its images are built from."""
    pins = pinned()
    java = re.search(r"openjdk-(\d+)-jdk", HADOOP_IMAGE.read_text(encoding="utf-8"))
    debian = pins["DEBIAN_IMAGE"].partition(":")[2].partition("-")[0]
    return {
        "Spark": pins["PYSPARK_VERSION"],
        "Hadoop": pins["HADOOP_VERSION"],
        "Hive": pins["HIVE_VERSION"],
        "Tez": pins["TEZ_VERSION"],
        "Sqoop": pins["SQOOP_VERSION"],
        "Java": java[1] if java else "",
        "Python 3": DEBIAN_PYTHON.get(debian, ""),
        "AWS SDK for Java": pins["AWSSDK_VERSION"],
    }


def show(label: str, console: Console) -> None:
    """Print it. LabError for a label that AWS's release guide does not have."""
    of = release(label)
    if of is None:
        newest = labels()
        raise LabError(f"no release {label}", where="lab emr drift", fix=f"use {newest[0]} down to {newest[-1]}")
    found = drifts(of, embedded_versions(), stack_versions())
    table = Table(label, "on AWS", "embedded", "stack")
    for drift in found:
        table.add_row(drift.name, drift.aws, drift.embedded or "-", drift.stack or "-")
    console.print(table)
    console.print("What the difference may change for a job:")
    told = Table.grid(padding=(0, 2))
    for drift in found:
        told.add_row(drift.name, drift.effect)
    console.print(told, highlight=False)
    absent = sorted(set(of.applications) - {drift.name for drift in found} - {"HCatalog"})
    console.print(f"Not in the lab: {', '.join(absent)}.", highlight=False)
    if "Sqoop" not in of.applications:
        console.print(f"Refused as on AWS: {absence('Sqoop', of)}.", highlight=False)


def _jar(folder: Path, name: str) -> str:
    """The version in a JAR's file name; empty when there is no such JAR."""
    found = next(iter(sorted(folder.glob(f"{name}-[0-9]*.jar"))), None)
    return found.stem.removeprefix(f"{name}-") if found else ""


def _number(version: str) -> Number:
    """The numbers of a version, of the first where several are given."""
    return tuple(int(part) for part in re.findall(r"\d+", concise(version.partition(",")[0])))
