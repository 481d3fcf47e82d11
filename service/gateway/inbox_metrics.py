"""What waits in the inbox, for Prometheus: how much, how old, and what was given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.gateway.inbox import Inbox


class InboxMetrics(Collector):
    """Read from the inbox at each scrape; it is in memory, so a scrape waits for nothing."""

    def __init__(self, registry: CollectorRegistry, inbox: Inbox, now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._now = now
        self._given_up = Counter(
            "stepwedge_inbox_given_up_total",
            "Instances that were taken in and could not be answered though nothing is wrong with them, by reason.",
            ["reason"],
            registry=registry,
        )
        registry.register(self)

    def give_up(self, reason: str, count: int = 1) -> None:
        self._given_up.labels(reason).inc(count)

    def collect(self) -> Iterator[Metric]:
        waiting = [job.accepted_at for job in list(self._inbox.jobs.values()) if not job.ended]
        age = (self._now() - min(waiting)).total_seconds() if waiting else 0.0
        yield _gauge("stepwedge_inbox_requests", "Requests that were taken in and wait for their answer.", len(waiting))
        yield _gauge("stepwedge_inbox_oldest_seconds", "Age of the one that has waited longest; 0 where none waits.", max(age, 0.0))
        yield _gauge("stepwedge_inbox_bytes", "What the inbox holds.", self._inbox.used_bytes)
        yield _gauge("stepwedge_inbox_limit_bytes", "What it may hold before it answers 503.", self._inbox.most_bytes)


def _gauge(name: str, about: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, about)
    family.add_metric([], value)
    return family
