"""Load on the API: clients that post events and send each again until it is acknowledged, as they should."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections import Counter
from threading import Event
from typing import Any

import urllib3
from kafka import TopicPartition

from lab.chaos.load import PATIENCE, Load
from lab.live.kafka import consumer, up_to
from lakelab.topics import EVENTS

RATE = 20.0  # events a second at most
STORED = {200, 201}
LATER = {429, 503}
READABLE = 60.0  # seconds after which what was acknowledged must be seen by readers


class Events(Load):
    """Events, one after the other, until it is told to stop.

    url: the API's address.  ca: file with the authority that the entrance is known by.  token: of the role `events`.
    sent: events that were acknowledged.  again: posts that had to be repeated.
    """

    name, log = "API", "lab stack logs api"

    def __init__(self, url: str, ca: str, token: str, kafka: str, rate: float = RATE) -> None:
        super().__init__()
        self.url, self.ca, self.token, self.kafka, self.rate = url, ca, token, kafka, rate
        self.again = 0
        self._run = f"chaos-{secrets.token_hex(4)}"
        self._places: dict[str, tuple[int, int]] = {}
        self._begin: dict[TopicPartition, int] = {}

    @property
    def sent(self) -> int:
        return len(self._places)

    def _prepare(self) -> None:
        with consumer(self.kafka) as client:
            places = [TopicPartition(EVENTS, number) for number in client.partitions_for_topic(EVENTS) or ()]
            self._begin = client.end_offsets(places)

    def proof(self) -> list[str]:
        """What is wrong with the events in Kafka: each acknowledged one is at the place that its answer named, once."""
        until = time.monotonic() + READABLE
        # A broker that leads anew shows what it has only up to where it knows that the other one has it, too.
        while self._places.items() - dict(found := self._in_kafka()).items() and time.monotonic() < until:
            Event().wait(1)
        twice = [identifier for identifier, count in Counter(name for name, _ in found).items() if count > 1]
        there = dict(found)
        lost = [identifier for identifier, place in self._places.items() if there.get(identifier) != place]
        told = [f"{EVENTS}: {len(twice)} events are there more than once, as {twice[0]}"] if twice else []
        return told + ([f"{EVENTS}: {len(lost)} acknowledged events are not there, as {lost[0]}"] if lost else [])

    def _work(self) -> None:
        pool = urllib3.PoolManager(ca_certs=self.ca, timeout=30, retries=False)
        for number in itertools.count():
            if self._over.wait(1 / self.rate):
                return
            if not self._acknowledged(pool, f"{self._run}-{number:06d}"):
                return

    def _acknowledged(self, pool: Any, identifier: str) -> bool:
        """Post one until it is taken; False with the reason kept when it never is."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = self._post(pool, identifier)
                if answer.status in STORED:
                    told = answer.json()
                    self._places[identifier] = told["partition"], told["offset"]
                    self._trouble = ""
                    return True
                self._trouble = f"{answer.status} {answer.data.decode(errors='replace')[:200]}"
                if answer.status not in LATER:
                    return False
            except urllib3.exceptions.HTTPError as error:
                self._trouble = str(error)
            self.again += 1
            Event().wait(0.3)
        return False

    def _post(self, pool: Any, identifier: str) -> Any:
        event = {"event_id": identifier, "name": "chaos", "event_time": "2026-01-01T00:00:00Z", "session": "chaos"}
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return pool.request("POST", f"{self.url}/events/{EVENTS}", body=json.dumps(event), headers=headers)

    def _in_kafka(self) -> list[tuple[str, tuple[int, int]]]:
        """This run's events and their places, up to what is there now."""
        found = []
        with consumer(self.kafka) as client:
            client.assign(list(self._begin))
            for place, offset in self._begin.items():
                client.seek(place, offset)
            for record in up_to(client, client.end_offsets(list(self._begin)), PATIENCE):
                identifier = json.loads(record.value)["event_id"]
                if identifier.startswith(self._run):
                    found.append((identifier, (record.partition, record.offset)))
        return found
