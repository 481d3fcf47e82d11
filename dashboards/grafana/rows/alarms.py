"""Which alarms are open, since when, and whether their number fits what was promised."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana import uids
from dashboards.grafana.panels import Column, Leads, Query, lines, listing
from dashboards.grafana.promql import ALARM, MODELS, once

TITLE = "Alarms"

BUDGET = ((None, "green"), (1.5, "orange"), (3.0, "red"))


def row() -> list[table.Panel | timeseries.Panel]:
    return [
        listing(
            "Open alarms",
            "Kind of shift, the subgroup in which it lives, and when the change is estimated to have begun. Click a model; then the runbook.",
            [
                Column("Open", once("stepwedge_alarm_open", MODELS, *ALARM), steps=((None, "red"),)),
                Column("Since", f"{once('stepwedge_alarm_since_timestamp_seconds', MODELS, *ALARM)} * 1000", unit="dateTimeAsIso"),
            ],
            sort=("Since",),
            width=14,
            leads=[Leads("model", "Open this model", uids.to(uids.MODEL, model=uids.CLICKED, version=uids.beside("version")))],
            alert="StepwedgeModelAlarm",
        ),
        listing(
            "Alarms of a year against the budget",
            "Alarms of the last 365 days, true ones too, over what the plan allows (alarms_per_year). "
            "Three times and more without causes found: the limits do not fit this stream; the model's owner looks at the reference.",
            [
                Column(
                    "Budget spent",
                    once("stepwedge_alarm_budget_spent_ratio", MODELS, "model", "version"),
                    unit="percentunit",
                    decimals=0,
                    steps=BUDGET,
                ),
                Column("Allowed a year", once("stepwedge_alarm_budget_per_year", MODELS, "model", "version"), decimals=1),
                Column(
                    "Reference ended",
                    f"time() - {once('stepwedge_reference_until_timestamp_seconds', MODELS, 'model', 'version')}",
                    unit="s",
                ),
            ],
            sort=("Budget spent",),
            width=10,
        ),
        lines(
            "Open alarms over time",
            "How many are open, by kind. Many at once with one beginning: one cause, such as a router or a PACS update.",
            [Query(f"sum by (kind) ({once('stepwedge_alarm_open', MODELS, *ALARM)})", "{{kind}}")],
            unit="short",
            stacked=True,
            ends=(0, None),
            alert="StepwedgeModelAlarm",
        ),
        lines(
            "Alarms ever opened",
            "By model and kind since the version was registered; each step is one alarm. A version that replaces another begins at 0.",
            [Query(once("stepwedge_alarms_total", MODELS, "model", "version", "kind"), "{{model}} {{version}} {{kind}}")],
            unit="short",
            ends=(0, None),
        ),
    ]
