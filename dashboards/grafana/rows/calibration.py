"""Whether the probabilities still mean what they say."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import against_limit, observations, over_time
from dashboards.grafana.promql import FINDING

TITLE = "Calibration of $finding in $subgroup, $window"

SHOWN = ("calibration_intercept", "calibration_slope", "brier_score")


def row() -> list[timeseries.Panel]:
    return [
        over_time(
            "Intercept",
            "0 is right; above 0 findings are more frequent than the scores say, below 0 rarer (log odds). "
            "An interval that leaves 0 and stays: the model owner recalibrates. No line: fewer than 50 positives or negatives; choose a longer window.",
            "calibration_intercept",
        ),
        over_time(
            "Slope",
            "1 is right; below 1 the scores are too extreme, above 1 too timid. Well below 1: recalibrating the intercept alone does not help. "
            "No line: fewer than 100 positives or negatives; choose a longer window.",
            "calibration_slope",
        ),
        over_time(
            "Brier score",
            "Mean squared error of the probabilities; lower is better. It also moves with prevalence: read it beside intercept and slope.",
            "brier_score",
        ),
        against_limit(
            "Smooth calibration error",
            "Mean distance of probabilities from frequencies. A perfect model does not show 0: read it against its limit, which begins where chance "
            "ends at this number of labels. All films together.",
            "smooth_calibration_error",
            where=f'{FINDING},subgroup="all"',
            ends=(0, None),
        ),
        observations(
            "Labels that this rests on",
            "Few labels make wide intervals, not a bad model. Falls for one finding only: see the runbook on label drought.",
            SHOWN,
        ),
    ]
