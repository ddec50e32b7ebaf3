"""Every Kafka topic of the lab, declared once: brokers make no topic by themselves (auto.create.topics.enable=false).

Changes of the ERP have a topic a table, named by the catalogue; events that clients post have one a kind.
What a setting means: https://kafka.apache.org/documentation/#topicconfigs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakelab.catalogue import TABLES, Table

REPLICATION = 2
HOUR = 3_600_000
DAY = 24 * HOUR
LARGEST = 16 * 1024 * 1024  # bytes of one message: a text of a megabyte comes twice in the change of a row

PREFIX = "erp"  # Debezium's topic.prefix
HEARTBEATS = f"__debezium-heartbeat.{PREFIX}"
SIGNALS = f"{PREFIX}.cdc.signals"
NOTIFICATIONS = f"{PREFIX}.cdc.notifications"
STOCKS = "stock-market-data"
IMPRESSIONS = "ad-impressions"
CLICKS = "ad-clicks"
EVENTS = "app-events"

_THREE = frozenset({"students", "grades", "attendances"})  # read by several at once; order holds for a key


@dataclass(frozen=True)
class Topic:
    """A topic. key: what its messages are keyed by, and so kept in order by. settings: those unlike the broker's."""

    name: str
    doc: str
    key: str
    partitions: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    replication: int = REPLICATION

    @property
    def kept(self) -> str:
        """How long messages stay, in words."""
        if self.settings.get("cleanup.policy") == "compact":
            return "the last of each key"
        days = int(self.settings["retention.ms"]) / DAY
        return "1 day" if days == 1 else f"{days:g} days"


def _changes(table: Table) -> Topic:
    return Topic(
        table.topic,
        f"Changes of {table.name}.",
        "id",
        3 if table.name in _THREE else 1,
        # The last state of each row stays for ever, so who comes late finds the whole table; every state in between
        # stays for a day at least. What was deleted, and what a row was before, goes within a week.
        {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(DAY),
            "max.compaction.lag.ms": str(6 * DAY),
            "delete.retention.ms": str(DAY),
            "max.message.bytes": str(LARGEST),
        },
    )


def _events(name: str, doc: str, key: str, days: int = 7) -> Topic:
    return Topic(name, doc, key, 3, {"cleanup.policy": "delete", "retention.ms": str(days * DAY)})


CHANGES: tuple[Topic, ...] = tuple(_changes(table) for table in TABLES)
TOPICS: tuple[Topic, ...] = (
    *CHANGES,
    Topic(
        HEARTBEATS,
        "A sign of life of Debezium, every few seconds.",
        "serverName",
        settings={"cleanup.policy": "delete", "retention.ms": str(DAY), "segment.ms": str(HOUR)},
    ),
    Topic(
        SIGNALS,
        "Rows of the table by which Debezium is told to read tables again.",
        "id",
        settings={"cleanup.policy": "delete", "retention.ms": str(DAY)},
    ),
    Topic(
        NOTIFICATIONS,
        "What Debezium says of the tables that it reads: begun, how far, done.",
        "",
        settings={"cleanup.policy": "delete", "retention.ms": str(DAY)},
    ),
    _events(STOCKS, "Quotes of shares.", "symbol"),
    _events(IMPRESSIONS, "Ads that were shown.", "impression_id"),
    _events(CLICKS, "Ads that were clicked.", "impression_id"),
    _events(EVENTS, "What happened in applications.", "session"),
)


def topic(name: str) -> Topic:
    """The declared topic of that name; KeyError where there is none."""
    for candidate in TOPICS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
