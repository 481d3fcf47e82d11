"""The dashboard of one model: whether it is well, since when not, which finding, which site."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.promql import MODEL
from dashboards.grafana.rows import evidence, well, whereabouts


def model() -> dashboard.Dashboard:
    return board(
        uids.MODEL,
        "model",
        "One model in production. Evidence pages; measurements are for reading. Start at the top left; every panel says what to do.",
        [variables.datasource(), variables.model(), variables.version()],
        (well, whereabouts, evidence),
        marks=MODEL,
    )
