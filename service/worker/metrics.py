"""Metrics: how the worker itself is doing."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PASS_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class WorkerMetrics:
    """Declared once a process, in the registry that is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.last_success = Gauge(
            "stepwedge_worker_last_success_timestamp_seconds",
            "When this worker last completed a pass, in seconds since 1970; 0 before the first.",
            registry=registry,
        )
        self.failures = Counter(
            "stepwedge_worker_failures", "Model versions, or whole passes, that this worker could not complete.", registry=registry
        )
        self.pass_seconds = Histogram(
            "stepwedge_worker_pass_duration_seconds",
            "How long a pass over all model versions took.",
            buckets=PASS_SECONDS,
            registry=registry,
        )
