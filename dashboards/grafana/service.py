"""The dashboard of the service itself: rate, errors, duration, saturation, and whether the books balance."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.grafana import uids, variables
from dashboards.grafana.board import board
from dashboards.grafana.promql import MODELS
from dashboards.grafana.rows import duration, errors, ledger, rate, saturation, shadow


def service() -> dashboard.Dashboard:
    return board(
        uids.SERVICE,
        "service",
        "Whether studies get their answers, how fast, and whether every request is accounted for. Choose gateways at the top; all unless chosen.",
        [variables.datasource(), variables.models(), variables.instances()],
        (rate, errors, duration, saturation, ledger, shadow),
        marks=MODELS,
        since="now-6h",
    )
