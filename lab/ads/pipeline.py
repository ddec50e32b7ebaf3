"""The pipeline of the ad logs in the embedded lab: logs → EMR steps → answers → report.

The steps are `dags/EMR/ad_trends.json`, which Airflow submits elsewhere; their scripts are in `hive/ads`.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version

from lab import cluster
from lab import warehouse as warehouses
from lab.ads.logs import CLICKS, IMPRESSIONS, TRUTH, Logs, fill_bucket
from lab.embedded import emr
from lab.embedded.java import find_java
from lab.embedded.metastore import ensure_metastore
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.embedded.spark import Spark
from lab.publish import publish
from lab.report.model import Finding, RunRecord, Size
from lab.report.page import write_report
from lab.report.questions import Answer, write_answers
from lab.timeline import Timeline
from lab.warehouse import Warehouse, answers
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, Settings
from lakelab.storage import Storage

STEPS = cluster.STEPS / "ad_trends.json"
QUESTIONS = REPOSITORY / "hive" / "ads" / "questions"
COUNTS = """
SELECT COUNT(*), coalesce(SUM(copies - 1), 0),
       coalesce(SUM(IF(arrived > concat(substr(event_time, 1, 10), '-', substr(event_time, 12, 2)), 1, 0)), 0)
FROM data_dev_ads.joined"""
TITLE = "Impressions and clicks, from logs to trends"


@dataclass(frozen=True)
class Outcome:
    record: RunRecord
    answers: list[Answer]


def run_pipeline(place: Place, wanted: Logs | None, timeline: Timeline) -> Outcome:
    """Run the steps on the logs, on new ones if `wanted`, and write the report.

    LabError when there are no logs, or a step fails.
    """
    place.prepare()
    storage, settings = place.storage, place.settings
    for bucket in (settings.bucket, settings.ad_logs_bucket, settings.ad_trends_bucket):
        storage.create_bucket(bucket)
    if wanted:
        fill_bucket(storage, storage.create_bucket, settings, wanted, timeline, place.scratch)
    _require_logs(storage, settings)
    with Postgres(place).running() as postgres:
        with timeline.stage("Prepare the catalogue and publish the scripts"):
            ensure_metastore(place, postgres)
            publish(storage, settings, place.secrets["PSEUDONYM_KEY"])
        with emr.opened_engine(place, emr.StepWatch(timeline)) as engine:
            ready = cluster.ready_cluster(engine, settings)
            cluster.run_steps(engine, ready, cluster.read_steps(STEPS, settings), settings)
        with timeline.stage("Answer the questions") as part:
            asked = ask(place)
            part.note(f"{len(asked.answers)} answers")
    outcome = Outcome(_record(place, asked, timeline), asked.answers)
    outcome.record.write(place.home / "ads.json")
    write_answers(place.home / "ads-answers.json", outcome.answers)
    write_report(place.home / "ads.html", outcome.record, outcome.answers)
    return outcome


def _require_logs(storage: Storage, settings: Settings) -> None:
    for log in (IMPRESSIONS, CLICKS):
        if not storage.exists(f"s3://{settings.ad_logs_bucket}/{log}"):
            raise LabError(f"no {log} there", where=f"s3://{settings.ad_logs_bucket}", fix="run `lab ads fill`")


def _record(place: Place, asked: Asked, timeline: Timeline) -> RunRecord:
    return RunRecord(
        title=TITLE,
        place="embedded",
        seed=seed_of(place.storage, place.settings),
        scale=asked.impressions,
        counted="impression",
        started=timeline.started.isoformat(timespec="seconds"),
        duration=timeline.elapsed,
        versions={
            "Lakelab": version("lakelab"),
            "Python": platform.python_version(),
            "Spark": version("pyspark"),
            "Java": find_java().version,
        },
        timeline=tuple(timeline.spans),
        findings=asked.findings,
        sizes=sizes(place.storage, place.settings),
    )


@dataclass(frozen=True)
class Asked:
    """What the warehouse says after the steps: impressions that count, what was wrong with lines, the answers."""

    impressions: int
    findings: tuple[Finding, ...]
    answers: list[Answer]


def ask(place: Place) -> Asked:
    """By the lab's own Spark session."""
    warehouse = Warehouse(Spark(place), "ads")
    try:
        return ask_warehouse(warehouse)
    finally:
        warehouse.close()


def ask_warehouse(warehouse: warehouses.Asked) -> Asked:
    ((shown, again, late),) = warehouse.query(COUNTS)[1]
    told = ((again, "sent again; counted once"), (late, "came late; counted for the hour of the event"))
    findings = (Finding("impressions", reason, "warning", int(rows)) for rows, reason in told if rows)
    return Asked(int(shown), tuple(findings), answers(warehouse, QUESTIONS))


def seed_of(storage: Storage, settings: Settings) -> int | None:
    """The seed number of the logs in the bucket; None when nobody tells."""
    try:
        with storage.open(f"s3://{settings.ad_logs_bucket}/{TRUTH}") as stream:
            return int(json.loads(stream.read())["seed"])
    except (FileNotFoundError, LabError):
        return None


def sizes(storage: Storage, settings: Settings) -> tuple[Size, ...]:
    buckets = {"logs (S3)": settings.ad_logs_bucket, "joined and trends (S3)": settings.ad_trends_bucket}
    found = {name: storage.list(f"s3://{bucket}/") for name, bucket in buckets.items()}
    return tuple(Size(name, sum(stored.size for stored in files), len(files)) for name, files in found.items())
