"""The dashboard of what labels say of one model: calibration and performance, with intervals, and completeness beside."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.promql import MODEL
from dashboards.grafana.rows import calibration, completeness, labels, performance


def truth() -> dashboard.Dashboard:
    return board(
        uids.CALIBRATION,
        "calibration and performance",
        "Whether probabilities mean what they say and decisions are as good as they were. Read value, interval and number of labels together.",
        [variables.datasource(), variables.model(), variables.version(), variables.finding(), variables.subgroup(), variables.window()],
        (calibration, performance, completeness, labels),
        marks=MODEL,
        since="now-90d",
    )
