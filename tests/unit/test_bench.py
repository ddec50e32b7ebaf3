"""The benchmarks measure what they say: ratios by round, memory of another process, a page that keeps the rest."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench_tasks import count, hold, refuse
from click.testing import CliRunner

from bench import growth, page
from bench.__main__ import main
from bench.faker_school import faker_school
from bench.measure import Section, _memory, alternate, in_process, ratio, spread
from bench.pipeline import bare_command
from lab.embedded.place import Place
from lab.report.model import Span
from lakelab.catalogue import TABLES
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, load_settings

UNLOAD = Section("Unload", "About it.", ("way", "seconds"), (("psql", "2.00"), ("ours", "1.00")))
GROWTH = Section("Growth", "How it grows.", ("phase", "1,000 students"), (("load", "0.3"),))


def test_ways_take_turns() -> None:
    done: list[str] = []
    seconds = alternate({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 3, lambda what: None)
    assert done == ["a", "b", "a", "b", "a", "b"]
    assert {name: len(each) for name, each in seconds.items()} == {"a": 3, "b": 3}


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # By medians alone it would be 4 / 2; the rounds say 2, 4 and 0.1.
    assert ratio([4.0, 8.0, 1.0], [2.0, 2.0, 10.0]) == 2.0


def test_another_process_gives_its_error() -> None:
    with pytest.raises(LabError, match=r"^no \(here\): do not$"):
        in_process(refuse)


def test_result_and_processor_time_are_of_the_task_alone() -> None:
    """Counting takes processor time, and waiting does not: the process's own start is in neither."""
    busy, idle = in_process(count, 5_000_000), in_process(hold, 1000)
    assert (busy.result, idle.result) == (5_000_000, 1000)
    assert 0.02 < busy.cpu < busy.seconds + 0.2
    assert idle.cpu < 0.02


def test_memory_of_a_process_set_apart_counts_when_it_is_named(tmp_path: Path) -> None:
    """Steps of EMR are no children of the lab's process."""
    mark = str(tmp_path / "steps")
    code = "import os, sys\nif os.fork(): os._exit(0)\nx = b'1' * 100_000_000\nprint(flush=True)\nsys.stdin.read()"
    command = [sys.executable, "-c", code, mark]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.wait()
        alone, together = _memory(os.getpid(), ""), _memory(os.getpid(), mark)
    assert together - alone > 90_000_000


@pytest.mark.parametrize(
    ("values", "told"), [([3.0, 1.0, 2.0], "2.0 (1.0 to 3.0)"), ([1.51, 1.52], "1.5"), ([4.0], "4.0")]
)
def test_a_spread_is_told_where_there_is_one(values: list[float], told: str) -> None:
    assert spread(values, ".1f") == told


def test_phases_of_a_run_add_up_to_the_whole() -> None:
    spans = [
        Span("Prepare the catalogue and publish the jobs", "stage", 1.0, 0.5),
        Span("Make a school of 1,000 students", "stage", 1.5, 2.0),
        Span("Load the ERP", "stage", 3.5, 1.0),
        Span("Unload to the stage", "stage", 4.5, 3.0),
        Span("Copy students to HDFS", "step", 8.0, 1.0),
        Span("Marts", "step", 10.0, 5.0),
        Span("Compare ERP, stage and presentation", "stage", 15.0, 0.25),
        Span("Answer the questions", "stage", 15.25, 0.75),
    ]
    assert growth.by_phase(spans, 17.0) == {
        "prepare": 0.5, "generate": 2.0, "load": 1.0, "unload": 3.0, "steps": 7.0, "proof": 0.25, "answers": 0.75,
        "start, stop and report": 2.5, "whole pipeline": 17.0,
    }  # fmt: skip


def test_every_stage_of_the_pipeline_has_its_phase() -> None:
    source = "".join((REPOSITORY / "lab" / f"{name}.py").read_text() for name in ("pipeline", "school"))
    stages = re.findall(r'timeline\.stage\(f?"([^"]+)"', source)
    checking = [stage for stage in stages if stage.startswith("Check")]  # of a school's own files
    phases = [growth._phase_of(stage) for stage in stages if stage not in checking]
    assert sorted(phases) == sorted(set(growth.PHASES) - {growth.STEPS, growth.REST})
    with pytest.raises(AssertionError, match="'Tidy up' belongs to no phase"):
        growth._phase_of("Tidy up")


def test_growth_is_told_against_the_smallest_school() -> None:
    assert growth._times([[2.0, 1.0, 9.0], [4.0], [30.0, 10.0]]) == ["2.0 x", "10.0 x"]
    assert growth._times([[0.01], [4.0]]) == [""]


def test_faker_makes_the_same_tables(tmp_path: Path) -> None:
    rows = {table.name: number + 3 for number, table in enumerate(TABLES)}
    assert faker_school(tmp_path / "school", rows) == sum(rows.values())
    for table in TABLES:
        with (tmp_path / "school" / f"{table.name}.csv").open(encoding="utf-8", newline="") as stream:
            header, *found = csv.reader(stream)
        assert tuple(header) == table.column_names
        assert [len(row) for row in found] == [len(header)] * rows[table.name]


def test_the_page_keeps_the_parts_that_were_not_run(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    page.keep([GROWTH], path)
    page.keep([UNLOAD], path)
    first = path.read_text()
    page.keep([UNLOAD], path)

    assert path.read_text() == first
    assert [line for line in first.splitlines() if line.startswith("## ")] == ["## Unload", "## Growth"]
    assert "| way | seconds |\n| --- | ---: |\n| psql | 2.00 |\n| ours | 1.00 |\n" in first
    assert "| load | 0.3 |" in first


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
