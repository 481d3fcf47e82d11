"""Exposition: what /metrics answers. The many series of the last runs are written down when they are read, so a scrape copies them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from threading import Event, Lock

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.worker.export import MeasurementCollector
from service.worker.families import Run

MOST_FORMS = 3
"""Forms that are kept written down: text, OpenMetrics, and one more version of either."""
END = b"# EOF\n"
QUICK = 1
"""Level of compression: the network is near."""


class Exposition:
    """The text of /metrics in the form that a scrape asks for.

    Args:
        registry: What is written at each scrape: counters of this process, and ages. Its collector of the last runs leaves their bulk out.
        collector: Whose bulk is written down.
    """

    def __init__(self, registry: CollectorRegistry, collector: MeasurementCollector) -> None:
        self._registry = registry
        self._collector = collector
        self._lock = Lock()
        self._runs: tuple[Run, ...] = ()
        self._written: dict[str, bytes] = {}

    def answer(self, accept: str, *, packed: bool) -> tuple[str, bytes]:
        """Give the content type, and the text in the form that `accept` names; packed: as gzip. Only the first scrape of a form writes it down."""
        encode, form = choose_encoder(accept)
        with self._lock:
            if form not in self._written or not _same(self._runs, self._collector.runs):
                self._write_down({*list(self._written)[-MOST_FORMS + 1 :], form})
            bulk = self._written[form]
        text = bulk + encode(self._registry)
        return form, gzip.compress(text, QUICK) if packed else text

    def keep_until(self, stop: Event, every_s: float) -> None:
        """Read the last runs again and again, and write down what changed in the forms that were asked for, until asked to stop."""
        while True:
            self._collector.refresh()
            with self._lock:
                if not _same(self._runs, self._collector.runs):
                    self._write_down(set(self._written))
            if stop.wait(every_s):
                return

    def _write_down(self, forms: set[str]) -> None:
        """Write the bulk in these forms, which stand for themselves as what a scrape accepts."""
        self._runs = self._collector.runs
        self._written = {form: choose_encoder(form)[0](_Held(self._collector.bulk())).removesuffix(END) for form in sorted(forms)}


class _Held(Collector):
    """Families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _same(some: tuple[Run, ...], others: tuple[Run, ...]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
