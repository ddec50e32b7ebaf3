"""The `lab` command. Each command is thin: it reads settings, calls a part, and shows what came of it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lab.ads.commands import ads
from lab.chaos.commands import chaos
from lab.embedded.place import Place
from lab.live.commands import cdc, kafka, lake, trace
from lab.live.market_commands import market
from lab.live.nifi_commands import nifi
from lab.stack.commands import stack
from lab.terraform.commands import cost, package, rehearse
from lab.timeline import Timeline
from lakelab.errors import LabError
from lakelab.settings import load_settings
from services.aws.emr.errors import EmrError

INTERRUPTED = 130  # as a shell counts a program that Ctrl-C ended


def _place(**changes: Any) -> Place:
    settings = load_settings()
    given = {name: value for name, value in changes.items() if value is not None}
    return Place(replace(settings, **given) if given else settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lakelab")
def cli() -> None:
    """Lakelab: a big-data lab on one laptop. Settings are environment variables LAB_…; see docs/settings.md."""


def _stack() -> Any:
    from lab.stack.place import Stack

    return Stack.of_this_clone()


stack_option = click.option("--stack", "on_stack", is_flag=True, help="On the stack in Docker Compose.")
scale_option = click.option(
    "--scale", "students", type=click.IntRange(50, 1_000_000), help="Students to make. [default: 5000]"
)
seed_option = click.option("--seed", type=click.IntRange(0), help="Seed number of the generator. [default: 5]")
dirt_option = click.option(
    "--dirt", type=click.FloatRange(0, 1), default=0.0, help="Share of rows that are wrong in some way."
)


@cli.command()
@scale_option
@seed_option
@dirt_option
def demo(students: int | None, seed: int | None, dirt: float) -> None:
    """Make a school and run the whole pipeline on it, down to the answers."""
    from lab.school import fill_generated

    place = _place(students=students, seed=seed)
    _run(place, "lab demo", lambda run: fill_generated(run, dirt))


@cli.command()
def run() -> None:
    """Run the pipeline on what the ERP holds now."""
    _run(_place(), "lab run", None)


def _run(place: Place, doing: str, fill: Any) -> None:
    from lab.pipeline import run_pipeline
    from lab.report.terminal import print_answers

    console = Console()
    with place.exclusive(doing):
        with Timeline(console) as timeline:
            outcome = run_pipeline(place, timeline, fill)
        print_answers(console, outcome.answers)
        record = outcome.record
        console.print(
            f"\n[bold green]✓[/] {record.rows:,} rows of {len(record.tables)} tables: ERP = stage = presentation. "
            f"{len(outcome.answers)} questions answered in {record.duration:.0f} s.",
            highlight=False,
        )
        console.print(f"Report: {place.report}", soft_wrap=True, highlight=False)
        console.print('Ask more: lab sql "select * from grades limit 5"   Browse: lab emr steps', highlight=False)
    _warm_in_background(place)


def _warm_in_background(place: Place) -> None:
    """After the first run: record Spark's classes, in a process that gets what processor time is left."""
    from lab.embedded.java import find_java
    from lab.embedded.spark import Spark

    if Spark(place).class_archive(find_java()).exists() or os.environ.get("LAB_WARM") == "0":
        return
    subprocess.Popen(
        [sys.executable, "-m", "lab.cli", "warm", "--give-way"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    click.echo("In the background, for about half a minute: making Spark start faster next time (lab warm).")


def _give_way() -> None:
    """Let every other process of this machine go first.

    Linux shares processor time by session before it looks at niceness: the session's own must be low as well.
    https://man7.org/linux/man-pages/man7/sched.7.html ("The autogroup feature")
    """
    os.nice(19)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("19")


@cli.command()
@click.option("--give-way", is_flag=True, help="Take only the processor time that nobody else wants.")
def warm(give_way: bool) -> None:
    """Record the classes that Spark loads, so that it starts in little over half the time."""
    if give_way:
        _give_way()
    from lab.embedded.metastore import ensure_metastore
    from lab.embedded.postgres import Postgres
    from lab.embedded.spark import Spark, make_class_archive

    place = _place()
    with Postgres(place).running() as postgres:
        ensure_metastore(place, postgres)
        made = make_class_archive(Spark(place))
    click.echo(f"made {made}" if made else "this Java cannot make a class archive; nothing is lost but time")


@cli.command()
@scale_option
@seed_option
@dirt_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("school"), help="Folder for the files.")
@click.option("--workers", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="Threads.")
def generate(students: int | None, seed: int | None, dirt: float, out: Path, workers: int) -> None:
    """Make a school: eleven CSV files, the same for the same seed number and scale."""
    from lab.school import generate_files

    settings = _place(students=students, seed=seed).settings
    with Timeline(Console()) as timeline:
        rows = generate_files(settings, out, timeline, dirt=dirt, workers=workers)
    table = Table("table", "rows")
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    Console().print(table, f"in {out}")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def load(folder: Path) -> None:
    """Load a school's own CSV files into the ERP; lines that do not fit are reported and left out."""
    from lab.school import load_own

    place = _place()
    console = Console()
    with place.exclusive(f"lab load {folder}"):
        with Timeline(console) as timeline:
            report = load_own(place, folder, timeline)
        for line in report:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print("Now: lab run", highlight=False)


@cli.command()
@click.argument("query", required=False)
@click.option("--csv", "form", flag_value="csv", help="Rows as CSV, with a header line.")
@click.option("--json", "form", flag_value="json", help="Rows as JSON lines.")
@stack_option
def sql(query: str | None, form: str | None, on_stack: bool) -> None:
    """Ask the warehouse. Without a query: a shell."""
    from lab.sql import ask, shell
    from lab.warehouse import opened

    warehouse: Any = _stack().warehouse() if on_stack else opened(_place(), "lab-sql", warm=not query)
    with warehouse as asked:
        if query:
            ask(asked, query, form or "table")
        else:
            shell(asked, form or "table")


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Postgres' own shell on the ERP, as its owner."""
    from lab.embedded.postgres import OWNER, ROLES, Postgres
    from lakelab.catalogue import DATABASE

    place = _place()
    with Postgres(place).running() as postgres:
        address = ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", OWNER, "-d", DATABASE]
        environment = {**os.environ, "PGPASSWORD": place.secrets[ROLES[OWNER]]}
        done = subprocess.run([postgres.binaries / "psql", *address, *arguments], env=environment, check=False)
    sys.exit(done.returncode)


@cli.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, required=True)
@stack_option
def aws(arguments: tuple[str, ...], on_stack: bool) -> None:
    """The AWS CLI on `lab emr serve` where it runs, else on the stack, as in: lab aws emr list-clusters."""
    from lab import aws_cli

    aws_cli.run(arguments, _place(), on_stack=on_stack)


@cli.command()
@stack_option
@click.option("--live", is_flag=True, help="Of the stack: ERP, Kafka, lake and warehouse, row by row.")
@click.argument("tables", nargs=-1)
def verify(on_stack: bool, live: bool, tables: tuple[str, ...]) -> None:
    """Compare every table in ERP, stage and presentation; not zero when one differs. With --live also single tables."""
    from lab.verify import embedded_checks, show

    if live:
        from lab.live.commands import verify as verify_live

        verify_live(tables)
        return
    if tables:
        raise click.UsageError("single tables are compared with --live")
    if on_stack:
        from lab.stack.verify import check_tables

        found = _stack()
        with found.warehouse() as warehouse:
            checks = check_tables(found, warehouse)
    else:
        checks = embedded_checks(_place())
    show(checks, Console())


@cli.command()
@stack_option
def report(on_stack: bool) -> None:
    """Write report.html again from the last run; of the stack: from what its servers say of it."""
    if on_stack:
        from lab.stack.report import make_report

        click.echo(make_report(_stack()))
        return
    from lab.report.model import RunRecord
    from lab.report.page import write_report
    from lab.report.questions import read_answers

    place = _place()
    write_report(place.report, RunRecord.read(place.run_record), read_answers(place.answers))
    click.echo(place.report)


@cli.command()
@click.argument("student", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(student: int, yes: bool) -> None:
    """Erase one student everywhere, and prove it by a search."""
    from lab.erasure import erase_everywhere

    if not yes:
        click.confirm(f"Erase student {student} from ERP, stage, presentation, marts and logs?", abort=True)
    erase_everywhere(_place(), student, Console())


@cli.command()
def doctor() -> None:
    """Is this machine fit for the lab? Not zero when something must be mended."""
    from lab.doctor import examine, worst
    from lab.stack.doctor import examine as examine_stack

    found = [*examine(_place()), *examine_stack()]
    table = Table("check", "", "seen", "what to do")
    marks = {"ok": "[green]✓", "warn": "[yellow]!", "fail": "[red]✗"}
    for finding in found:
        table.add_row(finding.name, marks[finding.state], finding.seen, finding.fix)
    Console().print(table)
    sys.exit(1 if worst(found) == "fail" else 0)


@cli.command()
def status() -> None:
    """What the lab holds, what runs, and how the last run ended."""
    from lab.status import show

    show(_place(), Console())


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop everything and delete the lab's data. Generated passwords go with it."""
    from lab.status import delete

    place = _place()
    if not yes:
        click.confirm(f"Delete everything in {place.home}?", abort=True)
    click.echo(delete(place))


@cli.group()
def emr() -> None:
    """Clusters and steps of the lab's EMR."""


@emr.command("clusters")
def emr_clusters() -> None:
    """All clusters, newest first."""
    from lab.emr_commands import show_clusters

    show_clusters(_place(), Console())


@emr.command("steps")
@click.argument("cluster", required=False)
def emr_steps(cluster: str | None) -> None:
    """The steps of a cluster, the newest one by default."""
    from lab.emr_commands import show_steps

    show_steps(_place(), Console(), cluster)


@emr.command("logs")
@click.argument("step")
@click.argument("name", type=click.Choice(["controller", "syslog", "stdout", "stderr"]), default="stderr")
def emr_logs(step: str, name: str) -> None:
    """A log of a step, also while it runs."""
    from lab.emr_commands import show_log

    show_log(_place(), step, name)


@emr.command("run")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def emr_run(file: Path) -> None:
    """Run the steps of a JSON file, as AddJobFlowSteps takes them."""
    from lab.emr_commands import run_steps

    place = _place()
    with place.exclusive(f"lab emr run {file}"):
        run_steps(place, Console(), file)


@emr.command("serve")
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1  [default: 4566, or the next free one]")
def emr_serve(port: int | None) -> None:
    """Serve the lab's EMR to boto3, the AWS CLI and Airflow until Ctrl-C."""
    from lab.emr_serve import serve

    place = _place()
    with place.exclusive("lab emr serve"):
        serve(place, Console(), port)


@emr.command("drift")
@click.argument("label")
def emr_drift(label: str) -> None:
    """Where the lab runs other versions than AWS would for a release label, such as emr-7.13.0."""
    from lab.drift import show

    show(label, Console())


cli.add_command(rehearse)
cli.add_command(package)
cli.add_command(cost)
cli.add_command(stack)
cli.add_command(ads)
cli.add_command(kafka)
cli.add_command(cdc)
cli.add_command(lake)
cli.add_command(chaos)
cli.add_command(market)
cli.add_command(nifi)
cli.add_command(trace)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error of a user is one line on stderr and a non-zero exit."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        cli.main(arguments, standalone_mode=False)
    except (KeyboardInterrupt, click.exceptions.Abort):
        sys.exit(_told("stopped; what was begun is undone or made whole by the next run", INTERRUPTED))
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (LabError, EmrError) as error:
        sys.exit(_told(" ".join(str(error).split()), 1))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EPERM):
            raise
        sys.exit(_told(f"{error.strerror} ({error.filename or 'disk'}): free space or rights, then again", 1))


def _told(line: str, code: int) -> int:
    print(f"lab: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
