"""The pipeline against the same commands without it: what engine, states, logs and the unload's care cost."""

from __future__ import annotations

import io
import os
import statistics
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

from rich.console import Console

from bench.measure import Section, Tell, alternate, in_process, ratio
from bench.place import scratch_place
from bench.unloading import psql_copy
from lab import cluster
from lab.embedded import emr
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.embedded.spark import Spark
from lab.pipeline import Run, load_folder, run_pipeline, unload
from lab.timeline import Timeline
from lakelab import render
from lakelab.catalogue import TABLES
from lakelab.errors import LabError
from seed.generator import generate

BARE, SAME, WHOLE = "commands bare", "pipeline, the same commands", "pipeline, with proof, answers and report"


def pipeline_against_bare(students: int, rounds: int, tell: Tell) -> Section:
    """Both start from a loaded ERP and a warm lab, start Postgres themselves, and run the same steps."""
    with scratch_place(students, seed=5) as place:
        tell("first run, which also loads the ERP and makes the caches")
        in_process(first_run, place, students)
        ways: dict[str, Callable[[], object]] = {
            BARE: partial(run_bare, place),
            SAME: partial(in_process, run_same, place),
            WHOLE: partial(in_process, run_whole, place),
        }
        seconds = alternate(ways, rounds, tell)
    rows = tuple(
        (
            name,
            f"{statistics.median(seconds[name]):.1f}",
            "" if name == BARE else f"{(1 / ratio(seconds[BARE], seconds[name]) - 1) * 100:+.0f} %",
        )
        for name in (BARE, SAME, WHOLE)
    )
    about = (
        f"{students:,} students. Bare: psql \\copy of each table, cp, and the very commands of the steps one after the "
        "other. The pipeline also keeps states and logs, takes one snapshot and the checksum of each table; the last "
        "row also proves and answers."
    )
    return Section("Pipeline", about, ("way", "seconds", "more than bare"), rows)


def first_run(place: Place, students: int) -> None:
    """Fill the ERP and make the caches. In a process of its own, as each process can start Java once."""
    folder = place.home / "school"
    generate(folder, students=students, seed=5, workers=1)
    run_pipeline(place, silent(), fill=lambda run: load_folder(run, folder))


def silent() -> Timeline:
    """A timeline that shows nothing."""
    return Timeline(Console(file=io.StringIO()))


def run_same(place: Place) -> None:
    """Unload and steps through the lab, on its standing cluster."""
    with Postgres(place).running() as server, emr.opened_engine(place) as engine:
        ready = cluster.ready_cluster(engine, place.settings)
        unload(Run(place, silent(), server))
        steps = cluster.read_steps(cluster.STEPS / "steps.json", place.settings)
        cluster.run_steps(engine, ready, steps, place.settings)


def run_whole(place: Place) -> None:
    """The whole pipeline on the ERP as it is."""
    run_pipeline(place, silent())


def run_bare(place: Place) -> None:
    """The commands of all steps, by hand, on tables that are there. LabError when one fails."""
    stage = place.home / "s3" / place.settings.bucket / "stage"
    environment = {**os.environ, **Spark(place).environment()}
    environment["PATH"] = f"{emr.BIN}{os.pathsep}{environment.get('PATH', '')}"
    with Postgres(place).running() as server:
        for table in TABLES:
            psql_copy(server, render.unload_sql(table), stage / f"{table.name}.csv")
        _commands(place, environment)


def _commands(place: Place, environment: dict[str, str]) -> None:
    for step in cluster.read_steps(cluster.STEPS / "steps.json", place.settings):
        command = bare_command(step, place)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=place.cache)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise LabError(f"bare command of step {step['Name']!r} failed", where=reason)


def bare_command(step: dict[str, Any], place: Place) -> list[str]:
    """What a person would type for a step: cp for s3-dist-cp, sh for a script, the rest as it is written."""
    jar, arguments = str(step["HadoopJarStep"]["Jar"]), [str(a) for a in step["HadoopJarStep"]["Args"]]
    path = place.storage.path
    if jar.endswith("script-runner.jar"):
        return ["sh", str(path(arguments[0])), *arguments[1:]]
    if arguments[0] == "s3-dist-cp":
        options = dict(argument.split("=", 1) for argument in arguments[1:])
        return ["cp", str(path(options["--src"])), str(path(options["--dest"]))]
    return arguments
