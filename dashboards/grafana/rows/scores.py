"""Whether the model answers differently, and whether more patients have the finding."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import over_time
from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import FINDING, once
from dashboards.grafana.series import against_its_band

TITLE = "Scores and prevalence of $finding"


def row() -> list[timeseries.Panel]:
    return [
        against_its_band(
            "Share of studies that the model flags",
            "At the operating point. It moves with the patients or with the images: compare with the labels beside before you touch the threshold.",
            f'{FINDING},family="score",bin="flagged"',
            width=6,
        ),
        against_its_band(
            "Share of labels that are positive",
            "Judged on days old enough to have their labels. Moves with it: the patients changed. Stays: the images or the model did.",
            f'{FINDING},family="prevalence"',
            width=6,
        ),
        lines(
            "Tails of the scores, against the reference",
            "Share of lowest and highest scores, divided by that of the reference; 1 is unchanged. Both above 1: answers grew more extreme.",
            [
                Query(
                    f"{once('stepwedge_series_rate', _tails(), 'bin')} / {once('stepwedge_series_reference_rate', _tails(), 'bin')}",
                    "{{bin}} (logit)",
                )
            ],
            width=6,
            ends=(0, 2),
        ),
        over_time(
            "Distance of the scores from the reference, $window",
            "Of their whole distribution, 0 to 1. Large while both shares at the left stay: the shape changed; look at the inputs.",
            "score_drift",
            where=f'{FINDING},subgroup="all"',
            ends=(0, None),
        ),
    ]


def _tails() -> str:
    return f'{FINDING},family="score",bin!="flagged"'
