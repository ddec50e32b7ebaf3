"""`lab ads …`: logs of impressions and clicks, and their trends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from lab.embedded.place import Place
from lab.timeline import Timeline
from lakelab.settings import load_settings


def logs_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What logs to make."""
    for option in (
        click.option("--gzip", "compress", is_flag=True, help="Compress the files."),
        click.option("--seed", type=click.IntRange(0), help="Seed number of the generator. [default: 5]"),
        click.option("--days", type=click.IntRange(2, 366), default=7, show_default=True),
        click.option(
            "--impressions", type=click.IntRange(1, 1_000_000_000), default=200_000, show_default=True, metavar="NUMBER"
        ),
    ):
        command = option(command)
    return command


stack_option = click.option("--stack", "on_stack", is_flag=True, help="On the stack in Docker Compose.")


@click.group()
def ads() -> None:
    """Impressions and clicks of ads: logs, and the trends that EMR steps find in them."""


@ads.command()
@logs_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("ad-logs"), help="Folder for the files.")
def generate(out: Path, **wanted: Any) -> None:
    """Make logs as JSON lines by hour, the same for the same seed number and size."""
    from lab.ads.logs import Logs, make_logs

    with Timeline(Console()) as timeline:
        make_logs(out, Logs(**wanted), load_settings(), timeline)
    click.echo(f"in {out}; what the trends should find: {out / 'truth.json'}")


@ads.command()
@logs_options
@stack_option
def fill(on_stack: bool, **wanted: Any) -> None:
    """Make logs and put them into the bucket that the steps read, in the place of what is there."""
    from lab.ads.logs import Logs, fill_bucket

    console = Console()
    if on_stack:
        from lab.ads.stack import fill_stack

        with Timeline(console) as timeline:
            fill_stack(Logs(**wanted), timeline)
        console.print("Now trigger ad_trends in Airflow (make urls).", highlight=False)
        return
    place = Place(load_settings())
    with place.exclusive("lab ads fill"), Timeline(console) as timeline:
        fill_bucket(place.storage, place.storage.create_bucket, place.settings, Logs(**wanted), timeline, place.scratch)


@ads.command()
@logs_options
@click.option("--keep-logs", is_flag=True, help="Read the logs that are there, and make none.")
def run(keep_logs: bool, **wanted: Any) -> None:
    """Make logs, run the EMR steps on them, show the trends and write them as a page."""
    from lab.ads.logs import Logs
    from lab.ads.pipeline import run_pipeline
    from lab.report.terminal import print_answers

    console, place = Console(), Place(load_settings())
    with place.exclusive("lab ads run"):
        with Timeline(console) as timeline:
            outcome = run_pipeline(place, None if keep_logs else Logs(**wanted), timeline)
        print_answers(console, outcome.answers)
    record = outcome.record
    told = f"{record.scale:,} impressions joined with their clicks in {record.duration:.0f} s."
    console.print(f"\n[bold green]✓[/] {told}", highlight=False)
    console.print(f"Report: {place.home / 'ads.html'}", soft_wrap=True, highlight=False)
    console.print('Ask more: lab sql "select * from data_dev_ads.ads order by best_place"', highlight=False)


@ads.command()
def report() -> None:
    """Ask the stack for the trends that ad_trends found there, show them and write them as a page."""
    from lab.ads.stack import make_report
    from lab.report.terminal import print_answers

    path, found = make_report()
    print_answers(Console(), found)
    click.echo(path)
