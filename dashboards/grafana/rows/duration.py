"""How long a caller waits, and in which stage."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import PODS

TITLE = "Duration"

QUANTILE = f"histogram_quantile({{}}, sum by (stage, le) (rate(stepwedge_stage_duration_seconds_bucket{{{{{PODS}}}}}[$__rate_interval])))"


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Typical time, by stage",
            "Median of the time in each stage. predict grows with load: more replicas. record is Postgres.",
            [Query(QUANTILE.format(0.5), "{{stage}}")],
            unit="s",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Slowest twentieth, by stage",
            "95th percentile of the time in each stage. A ticket at 2 s. predict: processors; record: Postgres; decode: large films.",
            [Query(QUANTILE.format(0.95), "{{stage}}")],
            unit="s",
            width=8,
            limit=2,
            ends=(0, None),
            alert="StepwedgeGatewaySlow",
        ),
        lines(
            "Slowest hundredth, by stage",
            "99th percentile of the time in each stage: what the unluckiest callers see. A PACS gives up where its own time-out is.",
            [Query(QUANTILE.format(0.99), "{{stage}}")],
            unit="s",
            width=8,
            ends=(0, None),
            alert="StepwedgeGatewaySlow",
        ),
    ]
