"""Notices: what the door sees of films and counts beside the ledger: flags, and films that a model was not made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.models.features import FLAGS
from service.models.scope import Outside


class Notices:
    """Counters by model. Labels come from closed lists, so nothing that a film says becomes a series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._flags = Counter(
            "stepwedge_flags_total", "Predictions recorded whose film carries a flag, by flag.", ["model", "flag"], registry=registry
        )
        self._outside = Counter(
            "stepwedge_out_of_scope_total",
            "Requests refused because the model was not made for such films, by the attribute that said so.",
            ["model", "attribute"],
            registry=registry,
        )

        self._new_devices = Gauge(
            "stepwedge_new_devices",
            "Devices first seen in the last 24 hours that the model's reference does not know; no series without a reference.",
            ["model"],
            registry=registry,
        )

    def introduce(self, model: str) -> None:
        """Let a model's series exist from zero on: a rate needs the first value."""
        for flag in FLAGS:
            self._flags.labels(model, flag)
        for attribute in Outside:
            self._outside.labels(model, attribute)

    def flagged(self, model: str, flags: Sequence[str]) -> None:
        for flag in flags:
            self._flags.labels(model, flag).inc()

    def outside(self, model: str, attribute: str) -> None:
        self._outside.labels(model, attribute).inc()

    def new_devices(self, counts: Mapping[str, int]) -> None:
        """Replace what was said of all models."""
        self._new_devices.clear()
        for model, count in counts.items():
            self._new_devices.labels(model).set(count)
