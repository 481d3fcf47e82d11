"""Detail: how much of each model Prometheus is told, so that all models together stay within a bound that is declared beforehand.

A model with fourteen findings, twenty subgroups and forty features has seventeen thousand measurements of six numbers each: nobody
looks at them on a dashboard, and a hundred such models would fill a Prometheus. The store has them all, and so has the API.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import get_args

from detectors.measurement import Measurement, Verdict
from detectors.plan import ALL
from detectors.series import Family
from service.worker.snapshot import MOST_NAMED, SeriesReading, Snapshot

HEADLINES = frozenset(
    {
        "sensitivity", "specificity", "auroc", "calibration_intercept", "calibration_slope", "brier_score",
        "auprc", "expected_cost_per_thousand", "smooth_calibration_error",
        "label_completeness_30d", "label_delay_p95_30d",
        "estimate_validity", "estimated_sensitivity", "sensitivity_estimate_error",
        "flag_rate", "observed_prevalence", "prevalence_estimate", "score_drift", "embedding_drift", "out_of_distribution_share",
    }
)  # fmt: skip
"""Measurements of all films together that are told of every finding."""
HEADLINE_WINDOWS = (1, 30)
MOST_BREACHED = 20
"""Further measurements of a model that are told because they are beyond their limits: of a subgroup, a feature, or another name."""
A_MEASUREMENT, A_SERIES = 6, 7
"""Lines of one measurement and of one series."""
FAMILIES = len(get_args(Family))
ALWAYS_TOLD = frozenset({"score", "prevalence"})


class Detail(IntEnum):
    """How much is told of every model; evidence, alarms, ages and label completeness always are.

    EVERYTHING: every measurement and every series.
    HEADLINES: the measurements above for all films together, the worst of the others; series of scores and prevalence, and the strongest.
    WHAT_PAGES: the strongest series of each family and those that carry an alarm; no measurement.
    """

    WHAT_PAGES = 0
    HEADLINES = 1
    EVERYTHING = 2


def detail_of(snapshots: Collection[Snapshot], most: int) -> Detail:
    """Return the most detail at which all models together stay within so many lines. It depends on what is registered, not on values."""
    fitting = (detail for detail in reversed(Detail) if sum(_lines(one, detail) for one in snapshots) <= most)
    return next(fitting, Detail.WHAT_PAGES)


def headlines(window_days: int, measured: Collection[Measurement]) -> list[Measurement]:
    """Choose what is told of one window: the headlines, and the furthest beyond their limits of the rest."""
    if window_days not in HEADLINE_WINDOWS:
        return []
    always = [one for one in measured if one.name in HEADLINES and one.cell == ALL]
    others = [one for one in measured if one.verdict is Verdict.BREACHED and not (one.name in HEADLINES and one.cell == ALL)]
    return always + sorted(others, key=_urgency)[: MOST_BREACHED // len(HEADLINE_WINDOWS)]


def headline_series(series: Collection[SeriesReading], strongest: Collection[SeriesReading]) -> list[SeriesReading]:
    """Choose the series that are told: those of scores and prevalence, and the strongest."""
    named = {one.series for one in strongest}
    return [one for one in series if one.family in ALWAYS_TOLD or one.series in named]


def _urgency(one: Measurement) -> tuple[float, str, str, str, str]:
    """Order by how far beyond its limit, in widths of its interval, then by name, so that equals keep their order."""
    beyond = abs((one.value or 0.0) - (one.limit or 0.0))
    width = one.interval.high - one.interval.low if one.interval else 1.0
    return (-beyond / max(width, 1e-9), one.name, one.finding, one.feature, one.cell)


def _lines(snapshot: Snapshot, detail: Detail) -> int:
    findings = len(snapshot.completeness)
    if detail is Detail.EVERYTHING:
        return A_MEASUREMENT * sum(snapshot.measured.values()) + A_SERIES * snapshot.series
    if detail is Detail.HEADLINES:
        measured = len(HEADLINE_WINDOWS) * len(HEADLINES) * findings + MOST_BREACHED
        return A_MEASUREMENT * measured + A_SERIES * (4 * findings + FAMILIES + MOST_NAMED)
    return A_SERIES * (FAMILIES + MOST_NAMED)
