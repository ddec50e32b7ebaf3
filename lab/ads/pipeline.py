"""The pipeline of the ad logs in the embedded lab: logs → EMR steps → answers → report.

The steps are `dags/EMR/ad_trends.json`, which Airflow submits elsewhere; their scripts are in `hive/ads`.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version

from lab import cluster
from lab.ads.logs import TRUTH, Logs, fill_bucket
from lab.embedded import emr
from lab.embedded.java import find_java
from lab.embedded.metastore import ensure_metastore
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.embedded.spark import Spark
from lab.publish import publish
from lab.report.model import RunRecord, Size
from lab.report.page import write_report
from lab.report.questions import Answer, write_answers
from lab.timeline import Timeline
from lab.warehouse import Asked, Warehouse, answers
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, Settings
from lakelab.storage import Storage

STEPS = cluster.STEPS / "ad_trends.json"
QUESTIONS = REPOSITORY / "hive" / "ads" / "questions"
TITLE = "Impressions and clicks, from logs to trends"


@dataclass(frozen=True)
class Outcome:
    record: RunRecord
    answers: list[Answer]


def run_pipeline(place: Place, wanted: Logs | None, timeline: Timeline) -> Outcome:
    """Run the steps on the logs, on new ones if `wanted`, and write the report. LabError when a step fails."""
    place.prepare()
    storage, settings = place.storage, place.settings
    for bucket in (settings.bucket, settings.ad_logs_bucket, settings.ad_trends_bucket):
        storage.create_bucket(bucket)
    if wanted:
        fill_bucket(storage, storage.create_bucket, settings, wanted, timeline, place.scratch)
    with Postgres(place).running() as postgres:
        with timeline.stage("Prepare the catalogue and publish the scripts"):
            ensure_metastore(place, postgres)
            publish(storage, settings, place.secrets["PSEUDONYM_KEY"])
        with emr.opened_engine(place, emr.StepWatch(timeline)) as engine:
            ready = cluster.ready_cluster(engine, settings)
            cluster.run_steps(engine, ready, cluster.read_steps(STEPS, settings), settings)
        with timeline.stage("Answer the questions") as part:
            shown, found = ask(place)
            part.note(f"{len(found)} answers")
    record = RunRecord(
        title=TITLE,
        place="embedded",
        seed=seed_of(storage, settings),
        scale=shown,
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
        sizes=sizes(storage, settings),
    )
    record.write(place.home / "ads.json")
    write_answers(place.home / "ads-answers.json", found)
    write_report(place.home / "ads.html", record, found)
    return Outcome(record, found)


def ask(place: Place) -> tuple[int, list[Answer]]:
    """The impressions that count, and the answers, by the lab's own Spark session."""
    warehouse = Warehouse(Spark(place), "ads")
    try:
        return impressions(warehouse), answers(warehouse, QUESTIONS)
    finally:
        warehouse.close()


def impressions(warehouse: Asked) -> int:
    rows = warehouse.query("SELECT impressions FROM data_dev_ads.trends WHERE dimension = 'all'")[1]
    return int(rows[0][0]) if rows else 0


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
