"""How challengers fare beside the champion, and what is kept to retrain from."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import MODELS, PODS

TITLE = "Challengers"


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Challengers, films by what became of them",
            "Films shown to versions in the champion's shadow. shed: no room, the champion comes first. failed: the challenger died, hung or gave nonsense; no reply was touched.",
            [
                Query(
                    f"sum by (version, outcome) (increase(stepwedge_shadow_films_total{{{MODELS},{PODS}}}[1h]))", "{{version}} {{outcome}}"
                )
            ],
            unit="short",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Challengers that run",
            "0: put away for now, because it could not be loaded, died or hung.",
            [Query(f"min by (version, instance) (stepwedge_shadow_running{{{MODELS},{PODS}}})", "{{version}} {{instance}}")],
            unit="short",
            width=8,
            ends=(0, 1),
        ),
        lines(
            "Films kept for retraining",
            "Off unless a site asks for it.",
            [Query(f"sum by (outcome) (increase(stepwedge_kept_instances_total{{{PODS}}}[1h]))", "{{outcome}}")],
            unit="short",
            width=8,
            ends=(0, None),
        ),
    ]
