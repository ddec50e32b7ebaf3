"""Tables of what Kafka holds, and of whether changes get through."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from lab.live import cluster
from lab.live.status import Status
from lab.live.ways import HAPPENED, Way


def _table(*columns: str, right: tuple[int, ...] = ()) -> Table:
    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    for column in right:
        table.columns[column].justify = "right"
    return table


def topics(bootstrap: str, console: Console, every: bool) -> None:
    """Print every topic."""
    table = _table("topic", "partitions", "replicas", "messages", "kept", "what", right=(1, 2, 3))
    for topic in cluster.topics(bootstrap, every=every):
        replicas = f"{topic.replicas}" + (f" [yellow]({topic.lagging} lag)" if topic.lagging else "")
        table.add_row(topic.name, str(topic.partitions), replicas, f"{topic.messages:,}", topic.kept, topic.doc)
    console.print(table)


def groups(bootstrap: str, console: Console) -> None:
    """Print every consumer group."""
    found = cluster.groups(bootstrap)
    if not found:
        console.print("No group has read anything yet.", highlight=False)
        return
    table = _table("group", "state", "members", "lag", "topics", right=(2, 3))
    for group in found:
        table.add_row(group.name, group.state, str(group.members), f"{group.behind:,}", ", ".join(group.topics))
    console.print(table)


def lag(bootstrap: str, console: Console, only: str | None) -> None:
    """Print how far each group has read each partition."""
    table = _table("group", "topic", "partition", "read", "of", "lag", "marks", right=(2, 3, 4, 5, 6))
    for group in cluster.groups(bootstrap, only):
        for each in group.lags:
            figures = (f"{each.committed:,}", f"{each.end:,}", f"{each.behind:,}", f"{each.marks or ''}")
            table.add_row(group.name, each.topic, str(each.partition), *figures)
    if table.row_count:
        console.print(table)
    else:
        console.print("No group has read anything yet.", highlight=False)


def status(seen: Status, console: Console) -> bool:
    """Print connectors, slot, lag and what is wrong; returns whether all is well."""
    table = _table("what", "state", "")
    for state in seen.connectors:
        table.add_row(f"connector {state.name}", _coloured(state.seen, state.running), f"{len(state.tasks)} tasks")
    if seen.slot:
        well = seen.slot.active and not seen.slot.lost
        read = "read" if seen.slot.active else "nobody reads it"
        figures = f"Kafka lacks {seen.slot.behind:,} bytes of log, the ERP keeps {seen.slot.retained:,} for it"
        table.add_row("slot", _coloured(f"{read}, {seen.slot.log}", well or seen.reading), figures)
    if seen.silent is not None:
        table.add_row("last sign of life", f"{seen.silent:.0f} s ago", "they come every 5 s")
    if seen.reading:
        again = "again: an earlier reading was interrupted; Kafka is compared with the ERP after it"
        table.add_row("tables", "being read", again if seen.doubtful else "changes follow")
    console.print(table)
    for problem in seen.problems:
        console.print(problem, style="red", highlight=False, markup=False, soft_wrap=True)
    return not seen.problems


def ways(found: Sequence[Way], console: Console) -> None:
    """Print what each way saw of what happened."""
    table = _table("what happened", *(way.name for way in found))
    for number, (what, _) in enumerate(HAPPENED):
        table.add_row(what, *("[green]✓" if way.saw[number] else "[red]✗ missed" for way in found))
    console.print(table)
    for way in found:
        console.print(f"{way.name}: {way.costs}", highlight=False)


def _coloured(text: str, well: bool) -> str:
    return f"[{'green' if well else 'red'}]{text}"
