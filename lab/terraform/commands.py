"""`lab rehearse`, `lab package` and `lab cost`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from lakelab.errors import LabError


@click.command()
@click.option("--destroy", is_flag=True, help="Only take away what a rehearsal left that broke off.")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable of terraform/platform, as transient=true or emr_release_label=emr-5.32.0; repeatable.",
)
def rehearse(destroy: bool, variables: tuple[str, ...]) -> None:
    """Apply terraform/ to the running stack, run unload_erp on its cluster, and take all of it away again.

    With transient=true no cluster stands, and transient_unload_erp runs instead. LAB_TERRAFORM=tofu takes OpenTofu
    where there are both.
    """
    from lab.terraform import given
    from lab.terraform import rehearse as rehearsal

    values = given.read(variables)
    if destroy and values:
        raise LabError("--destroy takes away what is there", where="--var", fix="leave it out")
    if destroy:
        rehearsal.destroy(Console())
    else:
        rehearsal.rehearse(Console(), values)


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
