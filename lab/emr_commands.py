"""`lab emr …`: looking at clusters and steps, and running steps of one's own."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab import cluster
from lab.embedded import emr
from lab.embedded.metastore import ensure_metastore
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.publish import publish
from lab.timeline import Timeline
from lakelab.errors import LabError
from services.aws.emr import logs
from services.aws.emr.model import Cluster, Step
from services.aws.emr.store import SqliteStore


def _clusters(place: Place) -> list[Cluster]:
    """All clusters, newest first. Reads the state beside an engine that may be running."""
    path = place.emr / "state.db"
    if not path.exists():
        return []
    store = SqliteStore(path)
    try:
        return list(reversed(store.clusters()))
    finally:
        store.close()


def _steps(place: Place, cluster_id: str) -> list[Step]:
    store = SqliteStore(place.emr / "state.db")
    try:
        return store.steps(cluster_id)
    finally:
        store.close()


def cluster_rows(place: Place) -> list[tuple[str, str, str, str]]:
    """Id, name, state and time of creation of each cluster."""
    return [(c.id, c.name, str(c.state.value), f"{c.created.astimezone():%Y-%m-%d %H:%M:%S}") for c in _clusters(place)]


def show_clusters(place: Place, console: Console) -> None:
    table = Table("cluster", "name", "state", "created")
    for row in cluster_rows(place):
        table.add_row(*row)
    console.print(table)


def show_steps(place: Place, console: Console, cluster_id: str | None) -> None:
    known = _clusters(place)
    if not known:
        raise LabError("no cluster yet", fix="run `make demo`")
    chosen = next((c for c in known if cluster_id in (None, c.id)), None)
    if chosen is None:
        raise LabError(f"no cluster {cluster_id}", fix="see `lab emr clusters`")
    table = Table("step", "name", "state", "seconds", title=f"{chosen.id} {chosen.state.value}")
    for step in _steps(place, chosen.id):
        table.add_row(step.id, step.name, str(step.state.value), _seconds(step.started, step.ended))
    console.print(table)


def _seconds(start: datetime | None, end: datetime | None) -> str:
    return f"{(end - start).total_seconds():.1f}" if start and end else ""


def show_log(place: Place, step_id: str, name: str) -> None:
    for owner in _clusters(place):
        for step in _steps(place, owner.id):
            if step.id == step_id:
                sys.stdout.buffer.write(_log(place, owner, step, name))
                return
    raise LabError(f"no step {step_id}", fix="see `lab emr steps`")


def _log(place: Place, owner: Cluster, step: Step, name: str) -> bytes:
    from services.aws.emr.executor import LocalExecutor

    published = logs.published(owner, step, name, place.storage)
    if published:
        return published
    path = LocalExecutor(place.emr / "steps").folder(owner.id, step.id) / name
    return path.read_bytes() if path.exists() else b""


def run_steps(place: Place, console: Console, file: Path) -> None:
    """Run steps of a file on the standing cluster. LabError when one fails."""
    steps = cluster.read_steps(file, place.settings)
    with Postgres(place).running() as postgres, Timeline(console) as timeline:
        place.storage.create_bucket(place.settings.bucket)
        ensure_metastore(place, postgres)
        publish(place.storage, place.settings, place.secrets["PSEUDONYM_KEY"])
        with emr.opened_engine(place, emr.StepWatch(timeline)) as engine:
            ready = cluster.ready_cluster(engine, place.settings)
            cluster.run_steps(engine, ready, steps, place.settings)
    console.print(f"{len(steps)} steps completed on {ready.id}: lab emr steps {ready.id}", highlight=False)
