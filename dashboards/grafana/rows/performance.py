"""Whether the decisions are still as good as they were."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import observations, over_time

TITLE = "Performance on $finding in $subgroup, $window"

SHOWN = ("sensitivity", "specificity", "auroc")


def row() -> list[timeseries.Panel]:
    return [
        over_time(
            "Sensitivity",
            "Share of positives that are flagged at the operating point. Falling: findings are missed, tell the physician in charge.",
            "sensitivity",
            unit="percentunit",
            ends=(None, 1),
        ),
        over_time(
            "Specificity",
            "Share of negatives that are not flagged. Falling: false alarms cost reading time and trust.",
            "specificity",
            unit="percentunit",
            ends=(None, 1),
        ),
        over_time(
            "AUROC",
            "How well scores order positives above negatives; 0.5 is chance. Steady while sensitivity falls: the threshold, not the model, is off. "
            "No line: fewer than 20 positives or negatives; choose a longer window.",
            "auroc",
            ends=(None, 1),
        ),
        observations(
            "Labels that this rests on",
            "Positives for sensitivity, negatives for specificity, both for AUROC. Below 50 there is no verdict: the interval is too wide to act on.",
            SHOWN,
        ),
    ]
