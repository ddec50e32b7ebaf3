"""The benchmarks measure what they say: ratios by round, memory of another process, a page that keeps the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import page
from bench.__main__ import main
from bench.measure import Section, alternate, in_process, ratio
from bench.pipeline import bare_command
from lab.embedded.place import Place
from lakelab.errors import LabError
from lakelab.settings import load_settings

UNLOAD = Section("Unload", "About it.", ("way", "seconds"), (("psql", "2.00"), ("ours", "1.00")))
GROWTH = Section("Growth", "How it grows.", ("students", "task"), (("1,000", "load"),))


def hold(size: int) -> int:
    return len(bytearray(size))


def refuse() -> None:
    raise LabError("no", where="here", fix="do not")


def test_ways_take_turns() -> None:
    done: list[str] = []
    seconds = alternate({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 3, lambda what: None)
    assert done == ["a", "b", "a", "b", "a", "b"]
    assert {name: len(each) for name, each in seconds.items()} == {"a": 3, "b": 3}


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # By medians alone it would be 4 / 2; the rounds say 2, 4 and 0.1.
    assert ratio([4.0, 8.0, 1.0], [2.0, 2.0, 10.0]) == 2.0


def test_another_process_gives_its_result_and_its_error() -> None:
    assert in_process(hold, 1000).result == 1000
    with pytest.raises(LabError, match=r"^no \(here\): do not$"):
        in_process(refuse)


def test_the_page_keeps_the_parts_that_were_not_run(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    page.keep([GROWTH], path)
    page.keep([UNLOAD], path)
    first = path.read_text()
    page.keep([UNLOAD], path)

    assert path.read_text() == first
    assert [line for line in first.splitlines() if line.startswith("## ")] == ["## Unload", "## Growth"]
    assert "| way | seconds |\n| --- | ---: |\n| psql | 2.00 |\n| ours | 1.00 |\n" in first
    assert "| 1,000 | load |" in first


def test_bare_commands_are_what_a_person_would_type(tmp_path: Path) -> None:
    place = Place(load_settings({"LAB_HOME": str(tmp_path), "LAB_BUCKET": "bucket"}))
    place.storage.create_bucket("bucket")

    def bare(jar: str, *arguments: str) -> list[str]:
        return bare_command({"HadoopJarStep": {"Jar": jar, "Args": list(arguments)}}, place)

    copy = bare("command-runner.jar", "s3-dist-cp", "--src=s3://bucket/stage/x.csv", "--dest=/dev/data/ERP/X/x.csv")
    assert copy == ["cp", f"{tmp_path}/s3/bucket/stage/x.csv", f"{tmp_path}/hdfs/dev/data/ERP/X/x.csv"]
    script = "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar"
    assert bare(script, "s3://bucket/hive/0.sh", "a") == ["sh", f"{tmp_path}/s3/bucket/hive/0.sh", "a"]
    assert bare("command-runner.jar", "spark-submit", "s3://bucket/x.py") == ["spark-submit", "s3://bucket/x.py"]


def test_wrong_sizes_are_told_in_one_line() -> None:
    result = CliRunner().invoke(main, ["--only", "growth", "--sizes", "many", "--no-keep"])
    assert result.exit_code == 1
    assert result.output.strip() == "'many' is not a list of numbers (--sizes): write 1000,10000"
