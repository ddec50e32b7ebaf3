"""`lab status` and `lab reset`: what the lab holds, and how to be rid of it."""

from __future__ import annotations

import shutil

from rich.console import Console
from rich.table import Table

from lab.doctor import is_lab_folder
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.emr_commands import cluster_rows
from lab.report.model import KILLED, RunRecord
from lakelab.errors import LabError


def show(place: Place, console: Console) -> None:
    """Print the state of the embedded lab; a lab that never ran says so."""
    table = Table("part", "state", show_header=False, box=None, padding=(0, 2))
    postgres = Postgres(place)
    up = postgres.is_up()
    table.add_row("folder", str(place.home))
    table.add_row("Postgres", f"{'runs' if up else 'starts when needed'}, 127.0.0.1:{postgres.port}, database ERP")
    table.add_row("stage", f"{place.settings.stage_uri}/ = {place.home}/s3/{place.settings.bucket}/stage")
    table.add_row("HDFS", f"hdfs:///dev/data/ERP/ = {place.home}/hdfs/dev/data/ERP")
    if place.run_record.exists():
        run = RunRecord.read(place.run_record)
        table.add_row("last run", f"{run.started}, {_ending(place, run)}")
        table.add_row("report", str(place.report))
    else:
        table.add_row("last run", "none yet: make demo")
    clusters = cluster_rows(place)
    alive = [row for row in clusters if not row[2].startswith("TERMINATED")]
    table.add_row("EMR", f"{len(clusters)} clusters so far, {len(alive)} alive")
    console.print(table)


def _ending(place: Place, run: RunRecord) -> str:
    if (command := place.at_work()) and run.error == KILLED:
        return f"at work: {command}"
    if run.error:
        return f"failed: {run.error}"
    return f"{run.duration:.0f} s, {run.rows:,} rows, ERP = stage = presentation"


def delete(place: Place) -> str:
    """Stop Postgres and delete the lab's folder. LabError when the folder is not a lab's, or is in use."""
    if not place.home.exists():
        return f"{place.home} is not there: nothing to do"
    if not is_lab_folder(place.home):
        raise LabError("this folder was not made by the lab", where=str(place.home), fix="check LAB_HOME")
    with place.exclusive("lab reset"):
        Postgres(place).remove()
        shutil.rmtree(place.home)
    return f"deleted {place.home}"
