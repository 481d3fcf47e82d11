"""The dashboard of subgroups: in which patients, rooms and sites one model is worse."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.promql import MODEL
from dashboards.grafana.rows import subgroups as cells


def subgroups() -> dashboard.Dashboard:
    return board(
        uids.SUBGROUPS,
        "subgroups",
        "Which patients, rooms and sites a model serves worse than everybody else. With dozens of subgroups some look bad by chance: read the verdict.",
        [variables.datasource(), variables.model(), variables.version(), variables.finding(), variables.window()],
        (cells,),
        marks=MODEL,
        since="now-30d",
    )
