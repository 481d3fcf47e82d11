"""Whether the decisions are still as good as they were."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import observations, over_time
from dashboards.grafana.promql import FINDING

TITLE = "Performance on $finding in $subgroup, $window"

SHOWN = ("sensitivity", "specificity", "auroc")

WHOLE = f'{FINDING},subgroup="all"'
"""Some numbers are exported of all films only; the API has them of every subgroup."""


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
        over_time(
            "AUPRC",
            "Of the films that the model puts first, how many are positive. A model that knows nothing has the prevalence itself: read it beside "
            "observed prevalence. All films together.",
            "auprc",
            where=WHOLE,
            ends=(0, 1),
        ),
        over_time(
            "Expected cost of 1,000 films",
            "What missed findings and false flags cost by the plan, in its own unit. Beyond the limit: not because prevalence rose, but because the "
            "model errs more; GET /v1/models/{model}/thresholds says whether another operating point would help. All films together.",
            "expected_cost_per_thousand",
            where=WHOLE,
            ends=(0, None),
        ),
        over_time(
            "Sensitivity, as estimated without labels",
            "What scores and prevalence alone let one expect before labels come. No line: not identifiable, the cause of the change cannot be told "
            "without labels. Never act on it alone; the panel beside says how such estimates fared. All films together.",
            "estimated_sensitivity",
            where=WHOLE,
            unit="percentunit",
            ends=(None, 1),
        ),
        over_time(
            "Error of estimated sensitivity",
            "Estimated less observed, once the labels of those films had come. Beyond its limit: estimates of this model are not to be trusted, "
            "wait for labels. All films together.",
            "sensitivity_estimate_error",
            where=WHOLE,
        ),
        observations(
            "Labels that this rests on",
            "Positives for sensitivity, negatives for specificity, both for AUROC. Below 50 there is no verdict: the interval is too wide to act on.",
            SHOWN,
        ),
    ]
