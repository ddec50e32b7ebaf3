"""What AWS runs for each EMR release label: applications with their versions, runtimes, configuration classifications.

The facts are in `releases.json`, which names the pages of AWS's release guide that they are from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from services.aws.emr.errors import ValidationException

_DATA = Path(__file__).with_name("releases.json")

# Commands that a step may call, and the application that brings each.
COMMANDS = {
    "beeline": "Hive",
    "hive": "Hive",
    "hive-script": "Hive",
    "pig": "Pig",
    "pig-script": "Pig",
    "pyspark": "Spark",
    "spark-example": "Spark",
    "spark-shell": "Spark",
    "spark-sql": "Spark",
    "spark-submit": "Spark",
    "sqoop": "Sqoop",
}


@dataclass(frozen=True)
class Release:
    """One release. applications: name → version as AWS writes it, `3.5.6-amzn-2`.  runtime: Java, Python, Scala and
    AWS's SDK, where the guide tells them; several versions have a comma between them.
    """

    label: str
    applications: Mapping[str, str]
    runtime: Mapping[str, str]

    def application(self, name: str) -> str | None:
        """AWS's spelling of an application's name, given in any case; None when the release lacks it."""
        return next((known for known in self.applications if known.lower() == name.lower()), None)

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those of the applications that the release does not have."""
        return [name for name in names if self.application(name) is None]

    def lacks_command(self, program: str) -> str | None:
        """The application that a program needs and the release lacks; None when it may be called."""
        needed = COMMANDS.get(PurePosixPath(program).name)
        return needed if needed and self.application(needed) is None else None

    @property
    def classifications(self) -> frozenset[str]:
        """The configuration classifications: the guide's list for this release, or else for the nearest one of its
        series whose list is kept here.
        """
        lists: dict[str, list[str]] = _data()["classifications"]
        own = number(self.label)
        series = [label for label in lists if number(label)[0] == own[0]]
        later = [label for label in series if number(label) >= own]
        nearest = min(later, key=number) if later else max(series, key=number)
        return frozenset(lists[nearest])


def release(label: str) -> Release | None:
    """The release of that label, `emr-7.13.0`; None when there is none."""
    found = _data()["releases"].get(label)
    return Release(label, found["applications"], found["runtime"]) if found else None


def labels() -> list[str]:
    """Every label, newest first."""
    return sorted(_data()["releases"], key=number, reverse=True)


def last_with(application: str) -> str | None:
    """The newest label that has an application; None when none has."""
    releases = (found for label in labels() if (found := release(label)))
    return next((found.label for found in releases if found.application(application)), None)


def absence(application: str, of: Release) -> str:
    """One sentence: the release lacks the application, and which was the last to have it."""
    last = last_with(application)
    if last is None:
        return f"{application} is not an application of {of.label}"
    told = f"the last with it was {last}" if number(last) < number(of.label) else f"{last} has it"
    return f"{application} is not in {of.label}: {told}"


def require(label: str, applications: Iterable[str] = ()) -> Release:
    """The release, if it has the applications; else what RunJobFlow answers. The first message is AWS's own."""
    found = release(label)
    if found is None:
        raise ValidationException(f"The supplied release label is invalid: {label}.")
    for name in found.lacking(applications):
        raise ValidationException(f"{absence(name, found)}.")
    return found


def concise(version: str) -> str:
    """A version without Amazon's own number: 3.5.6 of 3.5.6-amzn-2."""
    return version.partition("-amzn-")[0]


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))
    return data


def number(label: str) -> tuple[int, ...]:
    """The label's version, to be compared."""
    return tuple(int(part) for part in label.removeprefix("emr-").split("."))
