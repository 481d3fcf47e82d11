"""In which patients, rooms and sites the model is worse."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table

from dashboards.grafana.measured import by_subgroup
from dashboards.grafana.rows import calibration, performance

TITLE = "Subgroups of $finding, $window"

PREDICTIVE = ("positive_predictive_value", "negative_predictive_value")
RATES = ("flag_rate", "observed_prevalence")


def row() -> list[table.Panel]:
    return [
        by_subgroup(
            "Measurements by subgroup",
            "Filter a column by its funnel. Read value, interval and n together: with dozens of subgroups some look bad by chance; only evidence pages. "
            "With many models only what is beyond its limit is exported (STEPWEDGE_EXPORT_SERIES); /v1/models/<model>/measurements has all.",
            (*performance.SHOWN, *PREDICTIVE, *calibration.SHOWN, "spiegelhalter_z", *RATES),
        )
    ]
