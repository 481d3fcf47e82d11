"""How many requests come, from whom, and how they end."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import MODELS, PODS

TITLE = "Rate"

ENDS = ("recorded", "replayed", "spooled", "unrecorded", "refused", "failed")
CHOSEN = f"{MODELS},{PODS}"


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Requests by outcome",
            "Each request ends as one of these. replayed: the same film came before and got the first answer. spooled: safe on disk, not yet in Postgres.",
            [Query(f"sum(rate(stepwedge_requests_{end}_total{{{CHOSEN}}}[$__rate_interval])) * 60", end) for end in ENDS],
            unit="reqpm",
            width=8,
            stacked=True,
            ends=(0, None),
        ),
        lines(
            "Requests by model",
            "Received, by the model that was asked for. One that falls to nothing while others go on: its router rule, or its modality.",
            [Query(f"sum by (model) (rate(stepwedge_requests_received_total{{{CHOSEN}}}[$__rate_interval])) * 60", "{{model}}")],
            unit="reqpm",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Callers",
            "Requests that were let in, by the name of the key and the role that they needed. One that falls silent: its key, or its network.",
            [
                Query(
                    f"sum by (caller, role) (rate(stepwedge_caller_requests_total{{{PODS}}}[$__rate_interval])) * 60", "{{caller}} {{role}}"
                )
            ],
            unit="reqpm",
            width=8,
            ends=(0, None),
        ),
    ]
