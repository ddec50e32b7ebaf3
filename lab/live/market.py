"""The market's moving averages: a stream of Spark as a step of an EMR cluster of its own, which ends with it.

A step that never ends would keep all others of its cluster waiting, here as on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.cluster import ALIVE, ENDED, STEPS, Emr, all_clusters, all_steps, read_steps, start_job_flow
from lab.waiting import until
from lakelab.errors import LabError
from lakelab.hiveserver2 import HiveServer2, tells_of_missing
from lakelab.settings import Settings
from services.aws.emr.yarn import Yarn, tag

MARK = {"Key": "stream", "Value": "market"}
LAKE = "hdfs:///lake/market"
BROKERS = "kafka-1:9092,kafka-2:9092"
# Where the image has Spark's connector for Kafka (services/hadoop/connectors).
CONNECTOR = ",".join(
    f"local:///usr/lib/spark/connector/lib/{name}.jar"
    for name in ("spark-sql-kafka-0-10_2.12", "spark-token-provider-kafka-0-10_2.12", "kafka-clients", "commons-pool2")
)
STARTS_WITHIN = 180.0  # seconds, of a busy machine
ENDS_WITHIN = 120.0


@dataclass(frozen=True)
class Stream:
    """The stream's cluster and its step."""

    cluster: str
    step: str
    state: str
    since: datetime | None


@dataclass(frozen=True)
class Figures:
    """What the tables have."""

    windows: int
    newest: datetime | None
    aside: dict[str, int]


def start(emr: Emr, settings: Settings) -> Stream:
    """Start the stream and wait until its step runs. LabError: it runs already, or its tables cannot be made."""
    running = find(emr)
    if running:
        raise LabError(f"the stream runs already: {running.step} of {running.cluster}", fix="lab market stream stop")
    steps = read_steps(
        STEPS / "market_stream.json", settings, market_lake=LAKE, kafka_brokers=BROKERS, kafka_connector=CONNECTOR
    )
    cluster = start_job_flow(emr, settings, "market", steps, MARK, keep_alive=False)

    def runs() -> Stream | None:
        found = _stream(emr, cluster)
        if found.state in ENDED:
            raise LabError(
                f"the stream ended at once: {found.step} is {found.state}",
                where=f"{settings.log_uri}{cluster}/steps/", fix="see its steps in the EMR console: `make urls`",
            )  # fmt: skip
        return found if found.state == "RUNNING" else None

    return until(runs, STARTS_WITHIN, LabError(f"the stream does not start in {STARTS_WITHIN:.0f} s", where=cluster))


def stop(emr: Emr) -> Stream:
    """Cancel the step; its cluster ends with it. The next start goes on from there. LabError: it does not run."""
    running = find(emr)
    if not running:
        raise LabError("the stream does not run", fix="lab market stream start")
    live = [step["Id"] for step in all_steps(emr, running.cluster) if step["Status"]["State"] not in ENDED]
    emr.cancel_steps(
        {"ClusterId": running.cluster, "StepIds": live, "StepCancellationOption": "TERMINATE_PROCESS"}
    )  # fmt: skip
    late = LabError(f"the stream does not end in {ENDS_WITHIN:.0f} s", where=running.cluster, fix="see the EMR console")
    until(lambda: _stream(emr, running.cluster).state in ENDED, ENDS_WITHIN, late)
    emr.wait_for_cluster(running.cluster, ["TERMINATED", "TERMINATED_WITH_ERRORS"], ENDS_WITHIN)
    return _stream(emr, running.cluster)


def find(emr: Emr) -> Stream | None:
    """The stream that runs, or is about to."""
    for summary in all_clusters(emr, ClusterStates=ALIVE):
        cluster = str(summary["Id"])
        if MARK in emr.describe_cluster({"ClusterId": cluster})["Cluster"].get("Tags", []):
            return _stream(emr, cluster)
    return None


def _stream(emr: Emr, cluster: str) -> Stream:
    """By its last step; or by the one before, where that failed and the last never ran."""
    steps = list(all_steps(emr, cluster))[::-1]  # the newest come first
    step = next((s for s in steps if s["Status"]["State"] in ENDED - {"COMPLETED"}), steps[-1])
    since = step["Status"]["Timeline"].get("StartDateTime")
    return Stream(cluster, step["Id"], str(step["Status"]["State"]), since)


def application(address: str, stream: Stream) -> str:
    """Its application of YARN in words: id, attempt, memory. address: of the ResourceManager on this machine."""
    try:
        found = Yarn(address).call("GET", f"/ws/v1/cluster/apps?applicationTags={tag(stream.cluster, stream.step)}")
        apps = (found.get("apps") or {"app": []})["app"]
        if not apps:
            return "not at YARN yet"
        app = max(apps, key=lambda each: each["startedTime"])
        attempts = Yarn(address).call("GET", f"/ws/v1/cluster/apps/{app['id']}/appattempts")
        count = len(attempts["appAttempts"]["appAttempt"])
    except (OSError, KeyError, TypeError) as error:
        return f"YARN does not answer: {error}"
    return (
        f"{app['id']} {app['state']}, attempt {count}, {app['allocatedMB']} MB in {app['runningContainers']} containers"
    )


def figures(hive: HiveServer2) -> Figures | None:
    """What HiveServer2 finds in the tables; None where they are not made yet. LabError when it does not answer."""
    try:
        rows = hive.rows(
            "SELECT '' AS reason, count(*), max(window_end) FROM averages "
            "UNION ALL SELECT reason, count(*), max(arrived) FROM aside GROUP BY reason"
        )
    except LabError as error:
        if tells_of_missing(error):
            return None
        raise
    aside = {reason: count for reason, count, _ in rows}
    newest = next(moment for reason, _, moment in rows if not reason)
    return Figures(aside.pop(""), newest, aside)


def lines(stream: Stream | None, app: str, found: Figures | None) -> Iterable[str]:
    """The status in words."""
    if stream is None:
        yield "The stream does not run: lab market stream start"
    else:
        began = f" since {stream.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if stream.since else ""
        yield f"{stream.step} of {stream.cluster}: {stream.state}{began}"
        yield app
    if found is None:
        yield "No tables yet."
        return
    newest = f", the newest ends at {found.newest:%Y-%m-%d %H:%M:%S} UTC" if found.newest else ""
    yield f"lake_market.averages: {found.windows:,} windows{newest}"
    aside = ", ".join(f"{count:,} {reason}" for reason, count in sorted(found.aside.items())) or "none"
    yield f"lake_market.aside: {aside}"
