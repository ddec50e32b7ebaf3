"""`lab kafka …` and `lab cdc …`: topics, messages, groups and lag; whether changes get through, and repairing it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console

if TYPE_CHECKING:
    from lab.live.status import Status
    from lab.stack.place import Stack
    from lakelab.catalogue import Table


def running_stack() -> Stack:
    """This clone's stack. LabError where there is none, or the packages of its clients are not here."""
    import importlib.util

    from lab.stack.place import Stack
    from lakelab.errors import LabError

    if importlib.util.find_spec("kafka") is None:
        raise LabError("kafka-python is not installed", fix="run `make up`, which brings the stack's clients")
    return Stack.of_this_clone()


def _tables(names: Sequence[str]) -> Sequence[Table]:
    """The tables of those names; all without names. LabError: there is none of one."""
    from lakelab.catalogue import TABLES, table
    from lakelab.errors import LabError

    known = [t.name for t in TABLES]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LabError(f"no table {unknown[0]}", fix=f"one of {', '.join(known)}")
    return [table(name) for name in names] or TABLES


@click.group()
def kafka() -> None:
    """Topics, messages, consumer groups and lag of the stack's Kafka."""


@kafka.command("topics")
@click.option("--all", "every", is_flag=True, help="Those that Kafka and Connect keep for themselves, too.")
def kafka_topics(every: bool) -> None:
    """Every topic: partitions, replicas, messages, how long they are kept."""
    from lab.live import show

    show.topics(running_stack().kafka, Console(), every)


@kafka.command("tail")
@click.argument("topic")
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=10, show_default=True, help="Messages to show.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--key", help="Only messages of this key, as the first column shows it.")
@click.option("--json", "raw", is_flag=True, help="Whole messages as JSON lines.")
def kafka_tail(topic: str, count: int, follow: bool, key: str | None, raw: bool) -> None:
    """The last messages of a topic that are committed. A table's name stands for the topic of its changes."""
    from lab.live import tail

    tail.tail(running_stack().kafka, Console(), topic, count, follow=follow, key=key, raw=raw)


@kafka.command("groups")
def kafka_groups() -> None:
    """Consumer groups: state, members, and how many messages they have yet to read."""
    from lab.live import show

    show.groups(running_stack().kafka, Console())


@kafka.command("lag")
@click.argument("group", required=False)
def kafka_lag(group: str | None) -> None:
    """How far each group, or one, has read each partition."""
    from lab.live import show

    show.lag(running_stack().kafka, Console(), group)


def verify(names: tuple[str, ...]) -> None:
    """Print whether tables, all without names, are the same at every station. LabError when one is not."""
    stack = running_stack()  # first: it tells when the clients are not installed
    from lab.embedded.postgres import OWNER
    from lab.live.proof import Proof, show

    tables, console = _tables(names), Console()
    with stack.warehouse("default") as hive, console.status("") as status:
        proof = Proof(stack.connecting(OWNER), stack.connecting_warehouse(), hive, stack.kafka)
        proofs = proof.run(tables, status.update)
    show(proofs, console)


@click.command()
@click.argument("table")
@click.argument("key")
@click.option("--touch", is_flag=True, help="Change the row first, leaving it as it is, and follow that.")
def trace(table: str, key: str, touch: bool) -> None:
    """The last change of a row at each station, with times, as: lab trace student 822491."""
    stack = running_stack()
    from lab.embedded.postgres import OWNER
    from lab.live import trace as tracing

    of = tracing.table_of(table)
    way = tracing.Trace(stack, of, tracing.key_of(of, key), stack.connecting(OWNER))
    tracing.show(way.touched() if touch else way.last(), Console())


def status_of(stack: Stack) -> Status:
    """Whether changes get through, by the stack's published addresses."""
    from lab.embedded.postgres import OWNER
    from lab.live.connect import Connect
    from lab.live.connectors import definitions
    from lab.live.status import look

    names = [definition.name for definition in definitions()]
    return look(stack.connecting(OWNER), Connect(stack.connect_url), stack.kafka, names)


@click.group()
def lake() -> None:
    """The lake: what the ERP is now and was, in Hive's database `lake_erp`."""


@lake.command("erase")
@click.argument("number", type=click.IntRange(1))
def lake_erase(number: int) -> None:
    """Erase a student from the ERP and from the lake, history included, and prove it by a search of all its files."""
    stack = running_stack()
    from lab.live.erase import erase_student

    erase_student(stack, number, Console(highlight=False))


@click.group()
def cdc() -> None:
    """Change data capture: from the ERP's log into Kafka."""


@cdc.command("status")
def cdc_status() -> None:
    """Connectors, replication slot, lag, last sign of life. Not zero when changes do not get through."""
    stack = running_stack()
    from lab.live import show

    sys.exit(0 if show.status(status_of(stack), Console()) else 1)


@cdc.command("ways")
def cdc_ways() -> None:
    """Pull by time, pull by version, outbox and log on the same changes: what each of them misses."""
    from lab.embedded.postgres import OWNER
    from lab.live import show
    from lab.live.source import READER
    from lab.live.ways import compare

    stack = running_stack()
    show.ways(compare(stack.connecting(OWNER), stack.connecting(READER)), Console())


@cdc.command("resnapshot")
@click.argument("tables", nargs=-1)
def cdc_resnapshot(tables: tuple[str, ...]) -> None:
    """Read tables again, all of them by default, and delete in Kafka what is not in the ERP any more.

    Repairs a lost slot; changes go on meanwhile.
    """
    from lab.embedded.postgres import OWNER
    from lab.live.connect import Connect
    from lab.live.resnapshot import Repair
    from lab.live.source import READER

    chosen = _tables(tables)
    stack = running_stack()
    repair = Repair(
        Connect(stack.connect_url), stack.connecting(OWNER), stack.connecting(READER), stack.kafka, click.echo
    )
    gone = repair.run(chosen)
    click.echo(f"Kafka has what the ERP has; {gone:,} deletions had been missed")
