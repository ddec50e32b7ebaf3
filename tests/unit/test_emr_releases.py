"""What the release labels tell: from AWS's release guide, checked against values read there by hand."""

from __future__ import annotations

import re

import pytest
from emr_lab import Emr, step

from services.aws.emr import releases
from services.aws.emr.errors import ValidationException


@pytest.mark.parametrize(
    ("label", "application", "version"),
    [
        ("emr-5.32.0", "Hadoop", "2.10.1-amzn-0"),
        ("emr-5.32.0", "Hive", "2.3.7-amzn-3"),
        ("emr-5.36.2", "Spark", "2.4.8-amzn-2"),
        ("emr-6.0.0", "Spark", "2.4.4"),
        ("emr-6.15.0", "Spark", "3.4.1-amzn-2"),
        ("emr-7.0.0", "Hadoop", "3.3.6-amzn-2"),
        ("emr-7.13.0", "Spark", "3.5.6-amzn-2"),
        ("emr-7.14.0", "Hive", "3.1.3-amzn-24"),
    ],
)
def test_a_release_tells_the_versions_that_the_guide_lists(label: str, application: str, version: str) -> None:
    found = releases.release(label)

    assert found is not None
    assert found.applications[application] == version


def test_labels_come_newest_first_by_number() -> None:
    found = releases.labels()

    assert found[0] == "emr-7.14.0"
    assert found.index("emr-7.10.0") < found.index("emr-7.9.0") < found.index("emr-6.15.0") < found.index("emr-5.32.0")
    assert all(re.fullmatch(r"emr-[5-7]\.\d+\.\d+", label) for label in found)
    assert len(set(found)) == len(found)


def test_every_release_has_what_the_lab_runs() -> None:
    for label in releases.labels():
        found = releases.release(label)
        assert found is not None
        assert found.lacking(["Hadoop", "hive", "SPARK"]) == []
        assert found.runtime["Java"] == ("17" if label.startswith("emr-7.") else "8")
        assert found.classifications >= {"core-site", "hive-site", "spark-defaults", "spark-env", "yarn-site"}


def test_sqoop_left_after_7_4() -> None:
    assert releases.last_with("sqoop") == "emr-7.4.0"
    assert releases.require("emr-7.4.0", ["Sqoop"]).label == "emr-7.4.0"
    with pytest.raises(ValidationException, match=r"^Sqoop is not in emr-7\.5\.0: the last with it was emr-7\.4\.0\.$"):
        releases.require("emr-7.5.0", ["Spark", "Sqoop"])


def test_what_came_later_and_what_never_was() -> None:
    with pytest.raises(ValidationException, match=r"^Flink is not in emr-6\.0\.0: emr-7\.14\.0 has it\.$"):
        releases.require("emr-6.0.0", ["Flink"])
    with pytest.raises(ValidationException, match=r"^Excel is not an application of emr-7\.13\.0\.$"):
        releases.require("emr-7.13.0", ["Excel"])


@pytest.mark.parametrize("label", ["emr-7.99.0", "emr-5.37.0", "7.13.0", ""])
def test_an_unknown_label_is_refused_in_aws_words(label: str) -> None:
    assert releases.release(label) is None
    with pytest.raises(ValidationException, match=rf"^The supplied release label is invalid: {re.escape(label)}\.$"):
        releases.require(label)


def test_trino_had_another_name_before_6_4() -> None:
    assert releases.require("emr-6.3.1", ["PrestoSQL", "Presto"]).application("trino") is None
    assert releases.require("emr-6.4.0", ["Trino"]).application("prestosql") is None


def test_log4j_of_spark_changed_its_classification() -> None:
    old, new = (releases.require(label).classifications for label in ("emr-5.36.2", "emr-7.13.0"))

    assert "spark-log4j" in old
    assert "spark-log4j2" not in old
    assert "spark-log4j2" in new
    assert "sqoop-site" in old - new


def test_versions_without_amazons_number() -> None:
    assert [releases.concise(version) for version in ("3.5.6-amzn-2", "3.3.2-amzn-0.1", "1.4.7")] == [
        "3.5.6", "3.3.2", "1.4.7",
    ]  # fmt: skip


def test_a_step_cannot_call_what_its_release_lacks(emr: Emr) -> None:
    cluster = emr.cluster(ReleaseLabel="emr-7.13.0")

    (status,) = emr.run(cluster, step("/usr/bin/sqoop", "import", "--table", "students"))

    assert status["State"] == "FAILED"
    assert status["FailureDetails"]["Message"] == (
        'Cannot run program "/usr/bin/sqoop": Sqoop is not in emr-7.13.0: the last with it was emr-7.4.0'
    )


def test_a_release_that_has_the_command_runs_it(emr: Emr) -> None:
    program = emr.root / "sqoop"
    program.write_text("#!/bin/sh\necho imported $2\n")
    program.chmod(0o755)
    cluster = emr.cluster(ReleaseLabel="emr-7.4.0")

    (status,) = emr.run(cluster, step(str(program), "import", "students"))

    assert status["State"] == "COMPLETED"
