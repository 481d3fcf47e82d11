"""The dashboard of all models: which is worst, and whether anybody looks."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.rows import fleet as models


def fleet() -> dashboard.Dashboard:
    return board(
        uids.FLEET,
        "fleet",
        "All models in production, one line each, the worst first. Start here; a click on a model says since when, which finding and which site.",
        [variables.datasource()],
        (models,),
        marks="",
    )
