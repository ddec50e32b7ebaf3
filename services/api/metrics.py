"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "api_requests_total", "Answers by method, route and status.", ["method", "route", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "api_request_seconds", "Time to answer, but for streams.", ["route"], registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip
EVENTS = Counter(
    "api_events_total", "Events by topic and what became of them: taken, again, refused.", ["topic", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
KAFKA_AWAY = Gauge("api_kafka_away", "1 while Kafka is known not to take events.", registry=REGISTRY)
WATCHERS = Gauge("api_live_watchers", "Who watches the live stream.", registry=REGISTRY)
