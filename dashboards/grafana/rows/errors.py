"""Which requests get no answer, and why."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import MODELS, PODS

TITLE = "Errors"

CHOSEN = f"{MODELS},{PODS}"
FAILED = f'{CHOSEN},reason!="too-many-requests"'


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Share of requests that fail",
            "Failed on our side or broken off, of those received in 15 minutes, by model. A page above the red line, once three failed.",
            [
                Query(
                    f"sum by (model) (increase(stepwedge_requests_failed_total{{{FAILED}}}[15m]))"
                    f" / (sum by (model) (increase(stepwedge_requests_received_total{{{CHOSEN}}}[15m])) > 0)",
                    "{{model}}",
                )
            ],
            unit="percentunit",
            width=6,
            limit=0.02,
            ends=(0, None),
            alert="StepwedgeGatewayErrors",
        ),
        lines(
            "Failures by reason",
            "Our side failed, or the caller went away. unavailable: Postgres. busy: too many at once. internal-error: the log.",
            [Query(f"sum by (reason) (increase(stepwedge_requests_failed_total{{{CHOSEN}}}[1h]))", "{{reason}}")],
            unit="short",
            width=6,
            ends=(0, None),
            alert="StepwedgeGatewayErrors",
        ),
        lines(
            "Refusals by reason",
            "Refused by a rule that will refuse them again: these studies get no answer. unknown is a model name that is not in service; "
            "- is what came in a study and no model takes.",
            [
                Query(
                    f'sum by (model, reason) (increase(stepwedge_requests_refused_total{{model=~"$model|unknown|-",{PODS}}}[1h]))',
                    "{{model}} {{reason}}",
                )
            ],
            unit="short",
            width=6,
            ends=(0, None),
            alert="StepwedgeRefusalsHigh",
        ),
        lines(
            "Turned away",
            "Requests without a valid key (unauthenticated) or without the role (forbidden), in an hour.",
            [Query(f"sum by (reason) (increase(stepwedge_requests_turned_away_total{{{PODS}}}[1h]))", "{{reason}}")],
            unit="short",
            width=6,
            ends=(0, None),
            alert="StepwedgeCallersTurnedAway",
        ),
    ]
