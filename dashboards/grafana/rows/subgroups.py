"""In which patients, rooms and sites the model is worse."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana.measured import by_subgroup, gaps_by_subgroup
from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import FINDING, MODEL, strongest
from dashboards.grafana.rows import calibration, performance

TITLE = "Subgroups of $finding, $window"

PREDICTIVE = ("positive_predictive_value", "negative_predictive_value")
RATES = ("flag_rate", "observed_prevalence")


GAPS = ("sensitivity_gap", "specificity_gap")


def row() -> list[table.Panel | timeseries.Panel]:
    return [
        gaps_by_subgroup(
            "Who is served worse than everybody else, $window",
            "Sensitivity and specificity of each subgroup less those of the rest: below 0 is a disadvantage, breached is one that is surely beyond 0.05 more "
            "than the reference's own, all gaps counted together. Show a breached one to the physician in charge. Few labels make no verdict, and no comfort.",
            GAPS,
        ),
        lines(
            "Evidence of the ten strongest subgroups, $finding",
            "Only this pages: the red line at 1 opens an alarm, and the alarm names the subgroup in which it lives.",
            [Query(strongest(10, FINDING, "subgroup"), "{{subgroup}}")],
            limit=1,
            logarithmic=True,
            ends=(0.01, 10),
            alert="StepwedgeModelAlarm",
        ),
        lines(
            "Evidence of the ten strongest subgroups, inputs",
            "What the subgroup's films show that the reference did not. One site or scanner alone: ask what was changed there.",
            [Query(strongest(10, f'{MODEL},finding=""', "subgroup"), "{{subgroup}}")],
            limit=1,
            logarithmic=True,
            ends=(0.01, 10),
            alert="StepwedgeModelAlarm",
        ),
        by_subgroup(
            "Measurements by subgroup",
            "Filter a column by its funnel. Read value, interval and n together: with dozens of subgroups some look bad by chance; only evidence pages. "
            "With many models only what is beyond its limit is exported (STEPWEDGE_EXPORT_SERIES); /v1/models/<model>/measurements has all.",
            (*performance.SHOWN, *PREDICTIVE, *calibration.SHOWN, "spiegelhalter_z", *RATES),
        ),
    ]
