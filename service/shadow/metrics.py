"""What is counted of the work beside the gateway."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


class End(StrEnum):
    """What became of a film that was shown to a challenger.

    shed: there was no room in its line. refused: not a film for it. failed: it died, hung or answered nonsense. lost: its answer could not be
    stored, or its film is not there any more. unfit: it came as a tensor that is not the challenger's input.
    """

    PREDICTED = "predicted"
    SHED = "shed"
    REFUSED = "refused"
    FAILED = "failed"
    UNFIT = "unfit"
    LOST = "lost"


class KeptEnd(StrEnum):
    """What became of a film that was to be kept for retraining."""

    KEPT = "kept"
    SHED = "shed"
    FAILED = "failed"


class ShadowMetrics:
    """Counters and gauges, declared once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._films = Counter(
            "stepwedge_shadow_films_total",
            "Films shown to a challenger, by what became of them.",
            ["model", "version", "outcome"],
            registry=registry,
        )
        self._running = Gauge(
            "stepwedge_shadow_running",
            "1 while a challenger predicts in a process of its own, 0 while it is put away because it died, hung or could not be loaded.",
            ["model", "version"],
            registry=registry,
        )
        self._kept = Counter(
            "stepwedge_kept_instances_total", "Films to be kept for retraining, by what became of them.", ["outcome"], registry=registry
        )
        for end in KeptEnd:
            self._kept.labels(end)

    def introduce(self, model: str, version: str) -> None:
        """Let the series exist from zero on."""
        for end in End:
            self._films.labels(model, version, end)
        self._running.labels(model, version).set(0)

    def forget(self, model: str, version: str) -> None:
        """It is no challenger any more: whether it runs is no question."""
        self._running.remove(model, version)

    def film(self, model: str, version: str, end: End, films: int = 1) -> None:
        self._films.labels(model, version, end).inc(films)

    def up(self, model: str, version: str) -> None:
        """Its process answers."""
        self._running.labels(model, version).set(1)

    def down(self, model: str, version: str) -> None:
        """It has none."""
        self._running.labels(model, version).set(0)

    def kept(self, end: KeptEnd, films: int = 1) -> None:
        self._kept.labels(end).inc(films)
