"""Summary: what a completed pass leaves behind to be exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from detectors.evidence import State, evidence, silence
from detectors.hidden import hidden_in
from detectors.plan import ALL
from detectors.power import detectable
from detectors.reference import Reference
from detectors.series import Counts
from service.store.alarms import count_alarms, open_alarms
from service.store.checkpoints import last_checkpoint, load_checkpoint
from service.store.day_tallies import days_between
from service.worker.calendar import DAY, midnight
from service.worker.judge import Judged
from service.worker.snapshot import OpenAlarm, SeriesReading, Snapshot, leading
from service.worker.subject import Subject
from service.worker.windows import added_up, days_sum

RATE_DAYS = 7
COMPLETENESS_DAYS = 30


@dataclass(frozen=True, slots=True)
class Summary:
    """What is left behind: the snapshot, and where every series stands; None where that is as it was."""

    snapshot: Snapshot
    series: tuple[SeriesReading, ...] | None


def summarise(connection: Connection, subject: Subject, before: Snapshot | None, judged: Judged, measured: Mapping[int, int]) -> Summary:
    """Gather series, alarms and label completeness as they are after the last judged day.

    All of these follow from judging. A pass that judged nothing leaves them as they were, and only says what it measured.
    """
    last = last_checkpoint(connection, subject.reference_id) or subject.first_day - DAY
    if before is not None and before.reference != subject.reference_id:
        before = None
    known = before.measured if before else {}
    most = {days: max(known.get(days, 0), measured.get(days, 0)) for days in sorted({*known, *measured})}
    if before is not None and before.judged_until == midnight(last + DAY) and not judged.days:
        return Summary(replace(before, measured=most), None)
    series = tuple(_series(connection, subject, last))
    snapshot = Snapshot(
        reference=subject.reference_id,
        judged_until=midnight(last + DAY),
        measured=most,
        series=len(series),
        strongest=leading(series),
        open_alarms=tuple(OpenAlarm(one.kind, one.family, one.cell, one.since) for one in open_alarms(connection, subject.reference_id)),
        alarms=count_alarms(connection, subject.version.id),
        completeness=_completeness(connection, subject, last),
    )
    return Summary(snapshot, series)


def _finite(value: float | None) -> float | None:
    """Plain JSON knows neither NaN nor infinity."""
    return float(value) if value is not None and isfinite(value) else None


def _series(connection: Connection, subject: Subject, last: date) -> Iterator[SeriesReading]:
    reference = subject.reference
    stored = load_checkpoint(connection, subject.reference_id, last)
    state = State.start(reference) if stored is None else State.decode(reference, stored)
    week, films, hidden = _week(connection, subject, last)
    columns = evidence(reference, state), _rates(subject, week), reference.rates, reference.bands, detectable(reference, week.n / RATE_DAYS)
    for one, over, rate, then, (low, high), (fall, rise) in zip(reference.series, *columns, strict=True):
        yield SeriesReading(
            family=one.family,
            series=one.name,
            feature=one.feature,
            finding=one.finding,
            cell=one.cell,
            bin=one.bin,
            evidence=float(over),
            rate=None if one.cell in hidden[one.matured] else _finite(float(rate)),
            reference_rate=float(then),
            low=float(low),
            high=float(high),
            detectable_fall=_finite(float(fall)),
            detectable_rise=_finite(float(rise)),
        )
    yield from _sources(reference, state, films)


def _sources(reference: Reference, state: State, week: Counts) -> Iterator[SeriesReading]:
    """Say of each source how large a share of the films came from it, 0 while it is silent. It has no band: anything but nothing is within."""
    then = reference.sources.count(reference.tallies)
    shares = np.divide(week.k, week.n, out=np.full(len(week.n), np.nan), where=week.n > 0)
    for place, (one, over) in enumerate(zip(reference.sources.series, silence(reference, state), strict=True)):
        yield SeriesReading(
            family=one.family,
            series=one.name,
            feature=one.feature,
            finding=one.finding,
            cell=one.cell,
            bin=one.bin,
            evidence=float(over),
            rate=0.0 if state.silent_since[place] >= 0 else _finite(float(shares[place])),
            reference_rate=float(then.k[place] / max(then.n[place], 1)),
            low=0.0,
            high=1.0,
        )


def _week(connection: Connection, subject: Subject, last: date) -> tuple[Counts, Counts, tuple[frozenset[str], frozenset[str]]]:
    """Count the last judged week by row, for what rests on labels the week that came of age in it; then the films of each source in it.

    Last, the cells of both weeks that are too few patients to be told of.
    """
    reference, mature = subject.reference, last - subject.maturity_days * DAY
    week, earlier = (days_sum(connection, subject, day - (RATE_DAYS - 1) * DAY, day) for day in (last, mature))
    fresh, old = reference.gather.count(week), reference.gather.count(earlier)
    by_label = reference.gather.by_row(np.array([one.matured for one in reference.series], dtype=bool))
    counts = Counts(np.where(by_label, old.k, fresh.k), np.where(by_label, old.n, fresh.n))
    few, few_labelled = (hidden_in(one, reference.plan.cells) for one in (week, earlier))
    return counts, reference.sources.count(week), (few, few_labelled)


def _rates(subject: Subject, week: Counts) -> NDArray[np.float64]:
    """Rate of each series; NaN without any observation."""
    gather = subject.reference.gather
    k, n = gather.by_series(week.k).astype(np.float64), gather.by_series(week.n).astype(np.float64)
    return np.divide(k, n, out=np.full(len(n), np.nan), where=n > 0)


def _completeness(connection: Connection, subject: Subject, last: date) -> dict[str, float | None]:
    """Share of the predictions that came of age in the last thirty judged days, and that have a label."""
    mature = last - subject.maturity_days * DAY
    days = days_between(connection, subject.reference_id, mature - (COMPLETENESS_DAYS - 1) * DAY, mature, ALL)
    whole = added_up(subject.reference.schema, days).get(ALL)
    if whole is None or whole.n == 0:
        return dict.fromkeys(subject.reference.plan.findings)
    return {finding: int(whole.groups(finding)[0].sum()) / whole.n for finding in subject.reference.plan.findings}
