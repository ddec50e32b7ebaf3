"""Processor ConsumeKafkaTopic."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from nifiapi.flowfilesource import FlowFileSource, FlowFileSourceResult

from labflow import messages
from labflow.nifi import NUMBER, declare, values
from lakelab.librdkafka import Reach

MEGABYTE = 1024 * 1024
CHUNK = 100


class ConsumeKafkaTopic(FlowFileSource):
    """A source is called again and again, by one thread: what `create` returned last time is in NiFi's repository when
    it is called again. Only then its offsets are committed, so a kill makes Kafka send it again, and loses nothing."""

    class Java:
        implements = ["org.apache.nifi.python.processor.FlowFileSource"]

    class ProcessorDetails:
        version = "1.0.0"
        description = (
            "Reads Kafka topics, at least once: a flow file is a batch of one partition, a JSON line a message, named "
            "by its first offset. Offsets are committed when NiFi has kept the flow file."
        )
        tags = ["kafka", "consume", "topic", "lakelab"]

    def __init__(self, **_: Any) -> None:
        self.consumer: Any = None
        self.found: list[messages.Message] = []
        self.batches: list[list[messages.Message]] = []
        self.pending: TopicPartition | None = None

    def getPropertyDescriptors(self) -> list[Any]:
        isolation = ["read_committed", "read_uncommitted"]
        return [
            declare("Bootstrap Servers", "host:port,host:port"),
            declare("Topics", "Names, with commas between; one that begins with ^ is a regular expression"),
            declare("Group ID", "Consumer group", "nifi"),
            declare("Isolation Level", "Which messages are seen", isolation[0], allowable_values=isolation),
            declare("Offset Reset", "Where a new group begins", "earliest", allowable_values=["earliest", "latest"]),
            declare("Max Records", "Most messages in one flow file", "2000", validators=[NUMBER]),
            declare(
                "Max Bytes", "No message is added to a flow file of this size", str(8 * MEGABYTE), validators=[NUMBER]
            ),
            declare("Linger ms", "Wait for more messages after the first", "250", validators=[NUMBER]),
        ]

    def onScheduled(self, context: Any) -> None:
        self.settings = values(context, self.getPropertyDescriptors())
        self.open()

    def open(self) -> None:
        self.consumer = Consumer(
            {
                "bootstrap.servers": self.settings["Bootstrap Servers"],
                "group.id": self.settings["Group ID"],
                "client.id": "nifi",
                "enable.auto.commit": False,
                "isolation.level": self.settings["Isolation Level"],
                "auto.offset.reset": self.settings["Offset Reset"],
                "topic.metadata.refresh.interval.ms": 10_000,  # a new topic is seen as soon
                "session.timeout.ms": 10_000,  # after a kill, its partitions are free as soon
                "max.poll.interval.ms": 86_400_000,  # back-pressure may hold it for as long as somebody likes
                "queued.max.messages.kbytes": 32 * 1024,
                "fetch.message.max.bytes": MEGABYTE,
            }
        )
        topics = [topic.strip() for topic in self.settings["Topics"].split(",")]
        self.reach = Reach(self.consumer)
        self.consumer.subscribe(topics, on_revoke=self.forget, on_lost=self.forget)

    def forget(self, *_: Any) -> None:
        """Partitions went, maybe while `read` waits for more: what NiFi has not kept comes again."""
        self.found, self.batches, self.pending = [], [], None

    def close(self) -> None:
        consumer, self.consumer = self.consumer, None
        if consumer:
            consumer.close()
        self.forget()

    def onStopped(self, context: Any) -> None:
        if self.consumer:
            try:
                self.commit()
            finally:
                self.close()

    def commit(self) -> None:
        """Tell Kafka of the batch before. When it will not hear, begin anew from what it knows: batches come again."""
        done, self.pending = self.pending, None
        if done:
            try:
                self.consumer.commit(offsets=[done], asynchronous=False)
            except KafkaException:
                self.close()
                raise

    def create(self, context: Any) -> FlowFileSourceResult | None:
        if self.consumer is None:
            self.open()
        self.commit()
        try:
            self.batches = self.batches or self.read()
        except KafkaException:  # what was read before it is not to be passed over
            self.close()
            raise
        if not self.batches:
            return None
        batch = self.batches.pop(0)
        last = batch[-1]
        self.pending = TopicPartition(last.topic, last.partition, last.offset + 1)
        return FlowFileSourceResult("success", contents=messages.content(batch), attributes=messages.attributes(batch))

    def read(self) -> list[list[messages.Message]]:
        """Batches of one partition each, of what comes within the time after a first message."""
        self.found = self.consume(1, 1.0)
        if self.found:
            self.reach.heard()
        else:
            self.reach.look()
        most = int(self.settings["Max Records"])
        end = time.monotonic() + int(self.settings["Linger ms"]) / 1000
        while self.found and len(self.found) < most and self.size() < int(self.settings["Max Bytes"]):
            more = self.consume(min(CHUNK, most - len(self.found)), max(0.0, end - time.monotonic()))
            if not more and time.monotonic() >= end:
                break
            self.found += more
        found, self.found = self.found, []
        return messages.batches(found)

    def size(self) -> int:
        return sum(len(m.key or b"") + len(m.value or b"") for m in self.found)

    def consume(self, count: int, seconds: float) -> list[messages.Message]:
        """Messages. An error that comes with them is told; it is raised only where nothing else came."""
        received = self.consumer.consume(count, seconds)
        errors = [m.error() for m in received if m.error()]
        found = [
            messages.Message(m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value())
            for m in received
            if not m.error()
        ]
        if errors and not found:
            raise KafkaException(errors[0])
        for error in errors:
            self.logger.warn(f"Kafka says: {error}")
        return found
