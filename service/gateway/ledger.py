"""The capture ledger: each request is counted when it comes and once more when it ends, so nothing is lost unseen.

received = recorded + replayed + spooled + unrecorded + refused + failed + in progress, at all times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.domain import Durability, Outcome
from service.store.ledgers import Counts

UNKNOWN = "unknown"
"""The label of a model that is not in service: names that a caller makes up never become series."""

NOBODY = "-"
"""The label of an instance that came along in a study and that no model takes. No model can have this name."""

MOST_CALLERS, OTHER = 100, "other"
STAGE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted of one model's requests, whatever happens to them."""

    received: Counter
    replayed: Counter
    ends: Mapping[Durability, Counter]


class Ledger:
    """The gateway's operational series, declared once, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = Counter(
            "stepwedge_requests_received_total", "Predictions asked for; each ends as one of the six below.", ["model"], registry=registry
        )
        self._recorded = Counter(
            "stepwedge_requests_recorded_total", "Predictions answered and stored as a new row.", ["model"], registry=registry
        )
        self._replayed = Counter(
            "stepwedge_requests_replayed_total",
            "Requests answered with the first answer, because the same film came before; no new row.",
            ["model"],
            registry=registry,
        )
        self._spooled = Counter(
            "stepwedge_requests_spooled_total",
            "Predictions answered and stored in the local spool, because Postgres was away; rows once it is back.",
            ["model"],
            registry=registry,
        )
        self._unrecorded = Counter(
            "stepwedge_requests_unrecorded_total",
            "Predictions answered and stored nowhere, because a setting says that this is better than no answer.",
            ["model"],
            registry=registry,
        )
        self._ends = {Durability.DATABASE: self._recorded, Durability.SPOOL: self._spooled, Durability.NO: self._unrecorded}
        self._refused = Counter(
            "stepwedge_requests_refused_total",
            "Requests refused by a rule that will refuse them again, by reason.",
            ["model", "reason"],
            registry=registry,
        )
        self._failed = Counter(
            "stepwedge_requests_failed_total",
            "Requests that got no answer for a cause that may pass, by reason.",
            ["model", "reason"],
            registry=registry,
        )
        self._in_progress = Gauge("stepwedge_requests_in_progress", "Predictions in work now.", registry=registry)
        self._stage = Histogram(
            "stepwedge_stage_duration_seconds",
            "Time that one request spent in one stage of its way.",
            ["stage"],
            buckets=STAGE_BOUNDS,
            registry=registry,
        )
        self._series: dict[str, Series] = {}
        self._stages: dict[str, Histogram] = {}
        self._batch = Histogram("stepwedge_batch_size", "Films answered by one pass of a model.", buckets=BATCH_BOUNDS, registry=registry)
        self._dropped = Counter(
            "stepwedge_refusal_records_dropped_total",
            "Refusals and failures that were counted but could not be stored, because Postgres was away too long.",
            registry=registry,
        )

        self._callers: set[str] = set()
        self._calls: dict[tuple[str, str], Counter] = {}
        self._called = Counter(
            "stepwedge_caller_requests_total",
            "Requests that were let in, by the name of the caller's key and the role that they needed.",
            ["caller", "role"],
            registry=registry,
        )
        self._turned_away = Counter(
            "stepwedge_requests_turned_away_total",
            "Requests of any kind from callers that are not known or lack the role, by reason.",
            ["reason"],
            registry=registry,
        )
        self._audit_dropped = Counter(
            "stepwedge_audit_entries_dropped_total",
            "Acts of callers that the audit log lacks, because Postgres was away too long.",
            registry=registry,
        )

    def introduce(self, model: str) -> None:
        """Let a model's series exist from zero on: a rate needs the first value."""
        self._series_of(model)

    def _series_of(self, model: str) -> Series:
        """Looked up once: to find a series by its labels takes longer than to count."""
        series = self._series.get(model)
        if series is None:
            ends = {where: counter.labels(model) for where, counter in self._ends.items()}
            series = self._series[model] = Series(self._received.labels(model), self._replayed.labels(model), ends)
        return series

    def receive(self, model: str) -> Receipt:
        """Count a request that came; the receipt counts its end."""
        self._series_of(model).received.inc()
        self._in_progress.inc()
        return Receipt(self, model)

    def end(self, model: str, *, replayed: bool, where: Durability) -> None:
        series = self._series_of(model)
        (series.replayed if replayed else series.ends[where]).inc()
        self._in_progress.dec()

    def end_without(self, model: str, outcome: Outcome, reason: str) -> None:
        (self._refused if outcome is Outcome.REFUSED else self._failed).labels(model, reason).inc()
        self._in_progress.dec()

    def stage(self, name: str) -> Stage:
        """Time one stage of one request; a stage that raises is timed too."""
        stage = self._stages.get(name)
        if stage is None:
            stage = self._stages[name] = self._stage.labels(name)
        return Stage(stage)

    def counts(self) -> Counts:
        """All of it at this moment; called on the event loop, where everything is counted, it balances."""
        ends: dict[str, Counter | Gauge] = {
            "recorded": self._recorded,
            "replayed": self._replayed,
            "spooled": self._spooled,
            "unrecorded": self._unrecorded,
        }
        counted: dict[str, Counter | Gauge] = {
            "received": self._received,
            **ends,
            "refused": self._refused,
            "failed": self._failed,
            "in_progress": self._in_progress,
        }
        return Counts(**{name: total(metric) for name, metric in counted.items()})

    def observe_batch(self, films: int) -> None:
        self._batch.observe(films)

    def drop_audit(self, acts: int) -> None:
        self._audit_dropped.inc(acts)

    def called(self, caller: str, role: str) -> None:
        """Count a request by who sent it. Beyond the first hundred, and for whom a token names, that is `other`."""
        calls = self._calls.get((caller, role))
        if calls is None:
            known = caller in self._callers or (len(self._callers) < MOST_CALLERS and not caller.startswith("oidc-"))
            if known:
                self._callers.add(caller)
            names = (caller if known else OTHER, role)
            calls = self._calls[names] = self._called.labels(*names)
        calls.inc()

    def turn_away(self, reason: str) -> None:
        self._turned_away.labels(reason).inc()

    def drop(self, refusals: int) -> None:
        self._dropped.inc(refusals)


class Stage:
    """The time from entering to leaving, however it is left."""

    __slots__ = ("_began", "_series")

    def __init__(self, series: Histogram) -> None:
        self._series = series

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._series.observe(perf_counter() - self._began)


def total(metric: Counter | Gauge) -> int:
    """The sum over all labels."""
    return int(sum(sample.value for family in metric.collect() for sample in family.samples if not sample.name.endswith("_created")))


class Receipt:
    """One request in the ledger. The first end counts; a second one is a mistake of the caller and changes nothing."""

    __slots__ = ("_ledger", "model", "open")

    def __init__(self, ledger: Ledger, model: str) -> None:
        self._ledger = ledger
        self.model = model
        self.open = True

    def answered(self, *, replayed: bool, where: Durability = Durability.DATABASE) -> None:
        if self.open:
            self.open = False
            self._ledger.end(self.model, replayed=replayed, where=where)

    def unanswered(self, outcome: Outcome, reason: str) -> None:
        if self.open:
            self.open = False
            self._ledger.end_without(self.model, outcome, reason)
