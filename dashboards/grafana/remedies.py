"""The dashboard of alarms and remedies: what is open, what waits for whom, and whether the alarms keep to their budget."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.promql import MODELS
from dashboards.grafana.rows import alarms
from dashboards.grafana.rows import remedies as waiting


def remedies() -> dashboard.Dashboard:
    return board(
        uids.REMEDIES,
        "alarms and remedies",
        "What is open, since when, what it asks for, who has not answered, and what is on its way. The alarm rows are the truth; this is their echo.",
        [variables.datasource(), variables.models()],
        (alarms, waiting),
        marks=MODELS,
        since="now-30d",
    )
