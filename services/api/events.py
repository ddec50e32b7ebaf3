"""The kinds of events that are taken, each with a pydantic model, its topic and its key.

Impressions and clicks have the shape of the ad logs (`seed.ads.lines`), and their own ids are the events' ids. Quotes
and application events may bring an `event_id`; without one they are given one, and a retry is another event.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter


def _utc(moment: dt.datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as in the ad logs."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[
    AwareDatetime,
    Field(ge=dt.datetime(2000, 1, 1, tzinfo=dt.UTC), le=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)),
    PlainSerializer(_utc, return_type=str),
]
EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{8,64}$")]
Hexadecimal = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9._ -]{1,64}$")]
Scalar = Annotated[str, Field(max_length=1000)] | bool | int | float | None


class Event(BaseModel):
    """What all events have in common."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    topic: ClassVar[str]

    def id(self) -> str | None:
        """What makes a retry the same event; None where the client gave nothing."""
        raise NotImplementedError

    def key(self) -> str:
        """Events of one key are kept in order."""
        raise NotImplementedError


class AdImpression(Event):
    """An ad that was shown."""

    topic = "ad-impressions"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "impression_id": "00c0ffee00c0ffee",
                    "event_time": "2026-06-01T13:00:00.123Z",
                    "ad_id": "ad-0007",
                    "device": "mobile",
                    "position": 1,
                    "site": "news",
                }
            ]
        }
    )
    impression_id: Hexadecimal
    event_time: Moment
    ad_id: Word
    device: Word
    position: int = Field(ge=1, le=100)
    site: Word

    def id(self) -> str:
        return self.impression_id

    def key(self) -> str:
        return self.impression_id


class AdClick(Event):
    """A click on an ad. Its key is the impression's, so that both lie in partitions of the same number."""

    topic = "ad-clicks"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "click_id": "0badcafe0badcafe",
                    "impression_id": "00c0ffee00c0ffee",
                    "event_time": "2026-06-01T13:00:02.500Z",
                }
            ]
        }
    )
    click_id: Hexadecimal
    impression_id: Hexadecimal
    event_time: Moment

    def id(self) -> str:
        return self.click_id

    def key(self) -> str:
        return self.impression_id


class StockQuote(Event):
    """A price at which a share was traded."""

    topic = "stock-market-data"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "market-5-000001",
                    "symbol": "SUPI",
                    "price": 101.25,
                    "volume": 300,
                    "event_time": "2026-06-01T13:00:00.000Z",
                }
            ]
        }
    )
    event_id: EventId | None = None
    symbol: str = Field(pattern=r"^[A-Z][A-Z0-9.]{0,11}$")
    price: float = Field(gt=0, lt=1e9)
    volume: int = Field(ge=0, le=10**12)
    event_time: Moment

    def id(self) -> str | None:
        return self.event_id

    def key(self) -> str:
        return self.symbol


class AppEvent(Event):
    """Something that an application tells: a name, a time, and properties that say nothing of a person."""

    topic = "app-events"
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "f3b1c9d0-0001",
                    "name": "page_view",
                    "event_time": "2026-06-01T13:00:00.000Z",
                    "session": "a81f",
                    "properties": {"page": "/campuses", "seconds": 12.5},
                }
            ]
        }
    )
    event_id: EventId | None = None
    name: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")
    event_time: Moment
    session: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] | None = None
    properties: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")], Scalar] = Field({}, max_length=50)

    def id(self) -> str | None:
        return self.event_id

    def key(self) -> str:
        return self.session or self.event_id or ""


@dataclass(frozen=True)
class Ready:
    """An event as it goes to Kafka. named: the client gave its id, so that it can be told from a retry."""

    topic: str
    id: str
    key: bytes
    value: bytes
    named: bool


TYPES: dict[str, type[Event]] = {
    "ad-impressions": AdImpression,
    "ad-clicks": AdClick,
    "stock-quotes": StockQuote,
    "app-events": AppEvent,
}
ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(model) for name, model in TYPES.items()}


def read(kind: str, text: bytes) -> Ready:
    """An event of that kind out of JSON; pydantic's ValidationError where it is none."""
    return ready(ADAPTERS[kind].validate_json(text))


def ready(event: Event) -> Ready:
    """The event, given an id where it has none, in the form that readers of the topic meet."""
    found = event.id()
    if found is None:
        event.event_id = secrets.token_hex(16)  # type: ignore[attr-defined]  # those whose id may be missing have it
    made = found or event.id() or ""
    return Ready(event.topic, made, (event.key() or made).encode(), event.model_dump_json().encode(), found is not None)
