"""The dashboard of what one model is given, and how its scores answer to it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.promql import MODEL
from dashboards.grafana.rows import inputs as given
from dashboards.grafana.rows import scores


def inputs() -> dashboard.Dashboard:
    return board(
        uids.INPUTS,
        "inputs",
        "What the model is given, against what it was accepted on: attributes, image statistics, embeddings, scores. Labels are not needed.",
        [variables.datasource(), variables.model(), variables.version(), variables.finding(), variables.window(), variables.series()],
        (given, scores),
        marks=MODEL,
        since="now-30d",
    )
