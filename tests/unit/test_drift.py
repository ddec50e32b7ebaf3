"""Where the lab's versions differ from AWS's, and what is told of it."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from lab import drift
from lakelab.errors import LabError
from services.aws.emr.releases import concise, labels, release

EMBEDDED = {"Spark": "3.5.9", "Python 3": "3.12.1"}
STACK = {"Spark": "3.5.9", "Hive": "4.0.1"}


def told(label: str) -> str:
    page = io.StringIO()
    drift.show(label, Console(width=300, file=page))
    return page.getvalue()


def test_a_part_has_a_line_with_each_version() -> None:
    of = release("emr-5.32.0")
    assert of is not None

    found = {d.name: (d.aws, d.embedded, d.stack) for d in drift.drifts(of, EMBEDDED, STACK)}

    assert found == {
        "Spark": ("2.4.7-amzn-0", "3.5.9", "3.5.9"),
        "Hive": ("2.3.7-amzn-3", "", "4.0.1"),
        "Python 3": ("3.7", "3.12.1", ""),
    }


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("Spark", "2.4.7-amzn-0", "Julian calendar"),
        ("Spark", "3.4.1-amzn-2", "An older Spark 3"),
        ("Spark", "3.5.6-amzn-2", "The same line, 3.5"),
        ("Hadoop", "2.10.1-amzn-0", "Hadoop 2"),
        ("Hadoop", "3.3.6-amzn-2", "before 3.4"),
        ("Hive", "2.3.7-amzn-3", "Hive 2.3"),
        ("Hive", "3.1.3-amzn-22", "Hive 3.1"),
        ("Java", "8", "Java 8"),
        ("Python 3", "3.7", "removeprefix"),
        ("Python 3", "3.9", "3.11 added"),
        ("AWS SDK for Java", "1.11.890", "com.amazonaws"),
        ("AWS SDK for Java", "2.42.12, 1.12.797", "beside version 2"),
    ],
)
def test_what_a_difference_may_change(name: str, version: str, words: str) -> None:
    assert words in drift.effect(name, version)


def test_something_is_told_of_every_part_of_every_release() -> None:
    own = {**drift.embedded_versions(), **drift.stack_versions()}
    for label in labels():
        of = release(label)
        assert of is not None
        assert [d.name for d in drift.drifts(of, own, own) if not d.effect] == [], label


def test_the_labs_versions_are_read_where_they_are_pinned() -> None:
    embedded, stack = drift.embedded_versions(), drift.stack_versions()

    assert embedded["Spark"] == stack["Spark"]
    for part, version in {**embedded, **stack}.items():
        assert re.fullmatch(r"\d+(\.\d+)*", concise(version)), part


def test_the_page_names_what_is_not_here_and_what_is_refused() -> None:
    page = told("emr-7.13.0")

    assert "3.5.6-amzn-2" in page
    assert re.search(r"^Not in the lab: .*\bFlink, HBase\b.*ZooKeeper\.$", page, re.MULTILINE)
    assert "Sqoop is not in emr-7.13.0: the last with it was emr-7.4.0" in page


def test_a_release_with_sqoop_is_not_said_to_refuse_it() -> None:
    page = told("emr-7.4.0")

    assert "3.5.2-amzn-0" in page
    assert "Refused" not in page


def test_an_unknown_label_is_one_line() -> None:
    with pytest.raises(LabError, match=r"^no release emr-9\.0\.0 \(lab emr drift\): use emr-7\.14\.0 down to emr-5"):
        told("emr-9.0.0")
