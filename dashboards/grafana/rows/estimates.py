"""What the scores alone say before labels are there, whether that can be trusted, and how right it was."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import observations, over_time
from dashboards.grafana.promql import FINDING

TITLE = "Before labels: estimates for $finding, $window"

SHOWN = ("estimate_validity", "estimated_sensitivity", "sensitivity_estimate_error")

WHOLE = f'{FINDING},subgroup="all"'
"""Estimates are made of all films together."""


def row() -> list[timeseries.Panel]:
    return [
        over_time(
            "May it be trusted",
            "1: nothing shifted. 0.5: the finding's prevalence did, and the estimate is adjusted to it. 0: the films themselves changed, and nothing "
            "can be told without labels. It never sees that the meaning of an image has changed.",
            "estimate_validity",
            where=WHOLE,
            ends=(0, 1),
        ),
        over_time(
            "Estimated sensitivity",
            "What labels are expected to show, from the scores of all films. Read it for the days whose labels are not there yet; no line: not identifiable.",
            "estimated_sensitivity",
            where=WHOLE,
            unit="percentunit",
            ends=(None, 1),
        ),
        over_time(
            "Error of the estimate, where labels have come",
            "Estimated less observed sensitivity of the labelled films. Beyond its limit: do not trust the estimate of this finding; what a film means has changed.",
            "sensitivity_estimate_error",
            where=WHOLE,
        ),
        observations(
            "Films and labels that this rests on",
            "Films for estimates, labels for their error. Where labels are few the error says little: look at label completeness.",
            SHOWN,
            where=WHOLE,
        ),
    ]
