"""Families: what Prometheus is told of the last completed runs, name by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from detectors.measurement import Measurement, Verdict
from service.store.in_service import InService
from service.store.outbox import Kind, OutboxCounts
from service.store.waiting import Waiting
from service.worker.detail import Detail
from service.worker.snapshot import SeriesReading, Snapshot

VERDICTS = {Verdict.WITHIN: 0.0, Verdict.BREACHED: 1.0, Verdict.INSUFFICIENT: -1.0}
MEASURED = ("model", "version", "measurement", "finding", "feature", "subgroup", "window")
SERIES = ("model", "version", "family", "series", "feature", "finding", "subgroup", "bin")


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement of one window."""

    window_days: int
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Run:
    """The last completed run of one model version, when it was completed, and what is told of its measurements and series."""

    model: str
    version: str
    computed_at: datetime
    snapshot: Snapshot
    readings: tuple[Reading, ...] = ()
    series: tuple[SeriesReading, ...] = ()


def measurement_families(runs: Sequence[Run]) -> Iterator[Metric]:
    """Export windowed estimates with their intervals, limits and verdicts; a value that does not exist is not exported."""
    columns: tuple[tuple[str, str, Callable[[Measurement], float | None]], ...] = (
        (
            "stepwedge_measurement",
            "Windowed estimate of a model in service, for reading; its name fixes unit and direction.",
            lambda m: _finite(m.value),
        ),
        (
            "stepwedge_measurement_low",
            "Lower end of the 95 % interval of stepwedge_measurement.",
            lambda m: _finite(m.interval.low if m.interval else None),
        ),
        (
            "stepwedge_measurement_high",
            "Upper end of the 95 % interval of stepwedge_measurement.",
            lambda m: _finite(m.interval.high if m.interval else None),
        ),
        (
            "stepwedge_measurement_limit",
            "Value beyond which stepwedge_measurement counts as breached at its number of observations.",
            lambda m: _finite(m.limit),
        ),
        ("stepwedge_measurement_observations", "Observations that stepwedge_measurement rests on.", lambda m: float(m.n)),
        (
            "stepwedge_measurement_verdict",
            "Verdict on stepwedge_measurement: 0 within its limit, 1 breached, -1 too little data to say.",
            lambda m: VERDICTS[m.verdict],
        ),
    )
    measured = [(_measured(run, reading), reading.measurement) for run in runs for reading in run.readings]
    for name, text, value_of in columns:
        yield gauge(name, text, MEASURED, ((labels, value_of(one)) for labels, one in measured))


def series_families(runs: Sequence[Run]) -> Iterator[Metric]:
    """Export everything that can page: its evidence, its rate, and the band that it should stay in."""
    columns: tuple[tuple[str, str, Callable[[SeriesReading], float | None]], ...] = (
        ("stepwedge_alarm_evidence", "Evidence that a series left its band, relative to its limit; 1 or more pages.", lambda s: s.evidence),
        ("stepwedge_series_rate", "Share of the last seven judged days' observations that the series counts.", lambda s: s.rate),
        ("stepwedge_series_reference_rate", "The same share in the reference period.", lambda s: s.reference_rate),
        ("stepwedge_series_band_low", "Lower edge of the band in which the share may wander without evidence.", lambda s: s.low),
        ("stepwedge_series_band_high", "Upper edge of the band in which the share may wander without evidence.", lambda s: s.high),
        (
            "stepwedge_series_detectable_fall_odds_ratio",
            "Smallest fall that is expected to page within 14 days at the last week's volume, as an odds ratio above 1.",
            lambda s: s.detectable_fall,
        ),
        (
            "stepwedge_series_detectable_rise_odds_ratio",
            "Smallest rise that is expected to page within 14 days at the last week's volume, as an odds ratio above 1.",
            lambda s: s.detectable_rise,
        ),
    )
    series = [(_identified(run, one), one) for run in runs for one in run.series]
    for name, text, value_of in columns:
        yield gauge(name, text, SERIES, ((labels, value_of(one)) for labels, one in series))


def alarm_families(runs: Sequence[Run]) -> Iterator[Metric]:
    """Export the alarms that are open, since when, and how many there ever were."""
    is_open = ("model", "version", "kind", "family", "subgroup")
    yield gauge(
        "stepwedge_alarm_open",
        "1 for each alarm that is open: what kind of shift, and the subgroup in which it lives.",
        is_open,
        (((run.model, run.version, alarm.kind, alarm.family, alarm.cell), 1.0) for run in runs for alarm in run.snapshot.open_alarms),
    )
    yield gauge(
        "stepwedge_alarm_since_timestamp_seconds",
        "When the change behind an open alarm is estimated to have begun, in seconds since 1970.",
        is_open,
        (
            ((run.model, run.version, alarm.kind, alarm.family, alarm.cell), None if alarm.since is None else alarm.since.timestamp())
            for run in runs
            for alarm in run.snapshot.open_alarms
        ),
    )
    opened = CounterMetricFamily(
        "stepwedge_alarms", "Alarms opened since the model version was registered.", labels=("model", "version", "kind")
    )
    for run in runs:
        for kind, count in run.snapshot.alarms.items():
            opened.add_metric((run.model, run.version, kind), count)
    yield opened


def run_families(runs: Sequence[Run], now: datetime) -> Iterator[Metric]:
    """Say how old all of this is, how far it reaches, and how complete its labels are."""
    version = ("model", "version")
    yield gauge(
        "stepwedge_run_age_seconds",
        "Seconds since the last completed pass over a model version; everything measured of it is this old.",
        version,
        (((run.model, run.version), (now - run.computed_at).total_seconds()) for run in runs),
    )
    yield gauge(
        "stepwedge_judged_until_timestamp_seconds",
        "End of the last day whose evidence was judged, in seconds since 1970.",
        version,
        (((run.model, run.version), run.snapshot.judged_until.timestamp()) for run in runs),
    )
    yield gauge(
        "stepwedge_label_completeness_ratio",
        "Share of the predictions that came of age in the last thirty judged days and have a label.",
        (*version, "finding"),
        (((run.model, run.version, finding), share) for run in runs for finding, share in run.snapshot.completeness.items()),
    )


def detail_families(detail: Detail) -> Iterator[Metric]:
    """Say how much of the models is told here, so that what is left out is not taken for what is not there."""
    yield gauge(
        "stepwedge_export_detail",
        "What is exported of every model: 2 everything, 1 headlines, 0 what pages. STEPWEDGE_EXPORT_SERIES bounds it; the API has all.",
        (),
        (((), float(detail)),),
    )


def remedy_families(
    remedies: Mapping[tuple[str, str, str], int], stuck: Mapping[tuple[str, str, str], int], in_service: Sequence[InService]
) -> Iterator[Metric]:
    """Say what waits for a person, and of every version in service how many retrainings were handed over and do not come back."""
    none = {(one.model, one.version, "retrain"): 0 for one in in_service}
    yield gauge(
        "stepwedge_remedies_open",
        "Remedies that wait for a person's answer.",
        ("model", "version", "action"),
        ((waits, float(count)) for waits, count in remedies.items()),
    )
    yield gauge(
        "stepwedge_remedies_stuck",
        "Retrainings that were handed over and brought no challenger in the time that their plan gives.",
        ("model", "version", "action"),
        ((waits, float(count)) for waits, count in {**none, **stuck}.items()),
    )


def outbox_families(messages: Mapping[Kind, OutboxCounts], now: datetime) -> Iterator[Metric]:
    """Say what waits for its receiver: a remedy or a result for a webhook, a report for the PACS."""
    columns: tuple[tuple[str, str, Callable[[OutboxCounts], float]], ...] = (
        ("stepwedge_outbox_pending", "Messages that still have to reach their receiver, by kind.", lambda c: float(c.pending)),
        ("stepwedge_outbox_dead", "Messages that were given up, by kind.", lambda c: float(c.dead)),
        (
            "stepwedge_outbox_oldest_seconds",
            "How long the oldest message that still has to reach its receiver has been waiting, by kind; 0 where none is.",
            lambda c: 0.0 if c.waiting_since is None else (now - c.waiting_since).total_seconds(),
        ),
    )
    for name, text, value_of in columns:
        yield gauge(name, text, ("kind",), (((kind,), value_of(counts)) for kind, counts in messages.items()))


def waiting_families(waiting: Mapping[str, Waiting], now: datetime) -> Iterator[Metric]:
    """Say how many labels wait for their film, and how long; of no model where any model's film would do."""
    yield gauge(
        "stepwedge_labels_waiting",
        "Labels whose film nobody has sent yet, by the model that they want.",
        ("model",),
        (((model,), float(one.count)) for model, one in waiting.items()),
    )
    yield gauge(
        "stepwedge_labels_waiting_oldest_seconds",
        "How long the label that waits longest for its film has been waiting.",
        ("model",),
        (((model,), 0.0 if one.since is None else (now - one.since).total_seconds()) for model, one in waiting.items()),
    )


def gauge(name: str, text: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], float | None]]) -> GaugeMetricFamily:
    """Make a family of gauges; a value that does not exist is left out."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for held, value in values:
        if value is not None:
            family.add_metric(held, value)
    return family


def _finite(value: float | None) -> float | None:
    """What is not a number or infinite is left out."""
    return value if value is not None and isfinite(value) else None


def _measured(run: Run, reading: Reading) -> tuple[str, ...]:
    one = reading.measurement
    return (run.model, run.version, one.name, one.finding, one.feature, one.cell, f"{reading.window_days}d")


def _identified(run: Run, one: SeriesReading) -> tuple[str, ...]:
    return (run.model, run.version, one.family, one.series, one.feature, one.finding, one.cell, one.bin)
