"""Posts quotes to the API's intake as they fall due, and each until it is taken: a retry is harmless by its id."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from lakelab.errors import LabError
from services.market.walk import EPOCH, Tick, ticks

BEHIND = 60_000  # milliseconds: older quotes are of no use to anyone, and are left out
PAUSE = 0.5
MOST = 2000  # quotes of one request
SIGN = Path("/tmp/market")  # written after each request that went well; the health check looks at its age
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Where quotes go, whose they are, and how many a second."""

    url: str
    token: str
    seed: int
    rate: float


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """LabError names a variable that is missing or cannot be used."""
    env = os.environ if environment is None else environment
    for name in ("API_URL", "API_EVENTS_TOKEN"):
        if not env.get(name):
            raise LabError(f"{name} is not set", where="the environment of the market", fix="run `lab stack env`")
    try:
        rate, seed = float(env.get("MARKET_RATE") or 8), int(env.get("MARKET_SEED") or 5)
    except ValueError:
        rate, seed = 0.0, 0
    if not 0.01 <= rate <= 5000:
        raise LabError("MARKET_RATE or MARKET_SEED is not a number that can be used", fix="give 0.01 to 5000, and 5")
    return Settings(env["API_URL"], env["API_EVENTS_TOKEN"], seed, rate)


class Sender:
    """One connection to the intake, opened again when it breaks."""

    def __init__(self, url: str, token: str) -> None:
        self._parts, self._token = urlsplit(url), token
        self._connection: HTTPConnection | None = None

    def send(self, quotes: Sequence[Tick]) -> float:
        """0 when all were taken; else the seconds after which to send them again."""
        body = "".join(json.dumps(asdict(quote)) + "\n" for quote in quotes)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/x-ndjson"}
        try:
            if self._connection is None:
                self._connection = HTTPConnection(self._parts.hostname or "", self._parts.port or 80, timeout=20)
            self._connection.request("POST", f"{self._parts.path}/events/stock-quotes", body, headers)
            answer = self._connection.getresponse()
            told = answer.read()
        except (OSError, HTTPException) as error:
            _log.warning("the API does not answer: %s", type(error).__name__)
            self._connection = None
            return 1.0
        if answer.status == 200:
            return 0.0
        _log.warning("the API answers %d: %s", answer.status, _reason(told))
        return min(float(answer.headers.get("Retry-After") or 2), 30.0)


def _reason(body: bytes) -> str:
    """What an answer says of itself, as RFC 9457 has it; its beginning where it is no such document."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")


def run(settings: Settings, stop: threading.Event) -> None:
    """Send what falls due from now on, until stopped."""
    sender, sent = Sender(settings.url, settings.token), _now()
    while not stop.is_set():
        sent = max(sent, _now() - BEHIND)
        end = _now()
        due = list(ticks(settings.seed, settings.rate, sent, min(end, sent + math.ceil(MOST * 1000 / settings.rate))))
        if not due:
            stop.wait(PAUSE)
            continue
        wait = sender.send(due)
        if wait:
            stop.wait(wait)
            continue
        SIGN.touch()
        sent = int((dt.datetime.fromisoformat(due[-1].event_time) - EPOCH).total_seconds() * 1000 + 0.5) + 1
        stop.wait(PAUSE)


def _now() -> int:
    return int((dt.datetime.now(dt.UTC) - EPOCH).total_seconds() * 1000)
