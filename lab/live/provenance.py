"""The path of one row through NiFi, as its provenance has it."""

from __future__ import annotations

from dataclasses import dataclass

from lab.live.nifi import Nifi
from lakelab.catalogue import Table

MOST = 1000  # events that one search brings


@dataclass(frozen=True)
class Event:
    """Something that happened to a file which had the row. at: as NiFi writes it.  attributes: of the file, then."""

    id: int
    at: str
    kind: str
    component: str
    file: str
    attributes: dict[str, str]

    @property
    def place(self) -> str:
        """Topic, partition and offsets."""
        a = self.attributes
        first, last = a.get("kafka.offset.first", "?"), a.get("kafka.offset.last", "?")
        offsets = first if first == last else f"{first}..{last}"
        return f"{a.get('kafka.topic', '?')}[{a.get('kafka.partition', '?')}] {offsets}"

    @property
    def object(self) -> str:
        """Where it went in the bucket, "" when it did not go there."""
        a = self.attributes
        return f"s3://{a['s3.bucket']}/{a['s3.key']}" if "s3.key" in a else ""


def trace(nifi: Nifi, table: Table, key: str) -> list[Event]:
    """Every event of files with the row of that key, in the order of their happening; none for a row that never came.

    Attribute `keys` of a file has the keys of all of its rows; NiFi keeps events for a day, or 512 MB of them.
    """
    terms = {"keys": f"* {key} *", "kafka.topic": table.topic}
    search = {name: {"value": value, "inverse": False} for name, value in terms.items()}
    asked = {"maxResults": MOST, "summarize": False, "incrementalResults": False, "searchTerms": search}
    done = nifi.request("/provenance", {"provenance": {"request": asked}}, "provenance")
    found = done["results"]["provenanceEvents"]
    return [_event(record) for record in sorted(found, key=lambda record: int(record["eventId"]))]


def _event(record: dict[str, object]) -> Event:
    listed = record.get("attributes") or []
    assert isinstance(listed, list)
    attributes = {a["name"]: a.get("value") or "" for a in listed}
    return Event(
        int(str(record["eventId"])),
        str(record["eventTime"]),
        str(record["eventType"]),
        str(record.get("componentName", "")),
        attributes.get("filename", ""),
        attributes,
    )
