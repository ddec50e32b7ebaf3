"""`lab rehearse`, `lab package` and `lab cost`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console


@click.command()
@click.option("--destroy", is_flag=True, help="Only take away what a rehearsal left that broke off.")
def rehearse(destroy: bool) -> None:
    """Apply terraform/ to the running stack, run unload_erp on its cluster, and take all of it away again."""
    from lab.terraform import rehearse as rehearsal

    (rehearsal.destroy if destroy else rehearsal.rehearse)(Console())


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder. [default: aws in the lab's]")
def package(out: Path | None) -> None:
    """Make what Terraform copies to AWS: the library for Spark, and the code of the scheduler."""
    from lab.terraform import package as packages
    from lakelab.settings import load_settings

    click.echo(packages.make(out or load_settings().home / "aws"))


@click.command()
@click.option("--stack", "on_stack", is_flag=True, help="Of the stack's last run.")
def cost(on_stack: bool) -> None:
    """What the last run would have cost on AWS, by the prices of lab/terraform/prices.json."""
    from lab.terraform.cost import show

    show(Console(), on_stack=on_stack)
