"""How many labels there are to judge by, and how many of them are positive."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import over_time
from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import MODEL, once

TITLE = "Labels"


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Labels complete, by finding",
            "Share of the studies old enough to have a label that have one, over 30 days. The lower, the wider every interval on this page. A fall: the runbook.",
            [Query(once("stepwedge_label_completeness_ratio", MODEL, "finding"), "{{finding}}")],
            unit="percentunit",
            width=12,
            ends=(0, 1),
            alert="StepwedgeLabelDrought",
        ),
        over_time(
            "Share of labels that are positive, $window",
            "Prevalence among labelled films of the chosen subgroup. When it moves, predictive values and cost move with it and the model need not be at fault.",
            "observed_prevalence",
            unit="percentunit",
            width=12,
            ends=(0, None),
        ),
    ]
