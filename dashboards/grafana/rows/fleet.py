"""Which of all models is worst, and whether anybody looks at all of them."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, table, timeseries

from dashboards.grafana import uids
from dashboards.grafana.panels import LIMIT, Column, Leads, Query, lines, listing, number
from dashboards.grafana.promql import ALARM, breached, once, strongest

TITLE = "All models, worst first"

EACH = ("model", "version")
IN_SERVICE = once("stepwedge_model_info", "", *EACH)
RUN_AGE = once("stepwedge_run_age_seconds", "", *EACH)
EVIDENCE = once("stepwedge_alarm_evidence", "", *EACH)
ALARMS = f"sum by (model, version) ({once('stepwedge_alarm_open', '', *ALARM)})"
STALE_S, NEAR = 900, 0.5
STATE = (
    f"0 * ({ALARMS} > 0) + 3 or 0 * ({RUN_AGE} > {STALE_S}) + 2 or 0 * ({IN_SERVICE} unless {RUN_AGE}) + 2"
    f" or 0 * ({EVIDENCE} >= {NEAR}) + 1 or 0 * {IN_SERVICE}"
)
"""The first that applies: in alarm; a judgement too old, or none at all; evidence half way to an alarm; well."""
WORDS = (("3", "in alarm", "red"), ("2", "not watched", "purple"), ("1", "look", "orange"), ("0", "well", "green"))
STUDIES = "sum by (model) (increase(stepwedge_requests_recorded_total[24h]))"
COMPLETE = f"min by (model, version) ({once('stepwedge_label_completeness_ratio', '', *EACH, 'finding')})"


def row() -> list[stat.Panel | table.Panel | timeseries.Panel]:
    return [*_figures(), _table(), *_courses()]


def _figures() -> list[stat.Panel]:
    return [
        number(
            "Models in service",
            "One version of each model answers. No data: no worker is scraped, and nothing below can be believed.",
            f"count({IN_SERVICE})",
            unit="none",
            decimals=0,
            alert="StepwedgeWorkerGone",
        ),
        number(
            "In alarm",
            "Models with an open alarm: they stand first in the table. Click one to see since when, and which finding or site.",
            f"count({ALARMS} > 0) or 0 * count({IN_SERVICE})",
            unit="none",
            decimals=0,
            steps=((None, "green"), (1, "red")),
            alert="StepwedgeModelAlarm",
        ),
        number(
            "Not watched",
            "Models that answer and have no reference, or whose last judgement is older than 15 minutes: a shift of them goes unseen.",
            f"count({STATE} == 2) or 0 * count({IN_SERVICE})",
            unit="none",
            decimals=0,
            steps=((None, "green"), (1, "purple")),
            alert="StepwedgeModelUnwatched",
        ),
        number(
            "Oldest judgement",
            "Age of the figures of the model that was looked at longest ago. A pass is due every minute.",
            "max(stepwedge_run_age_seconds)",
            unit="s",
            steps=((None, "green"), (300, "orange"), (STALE_S, "red")),
            alert="StepwedgeJudgementStale",
        ),
        number(
            "Gateways",
            "Gateways that are scraped. Fewer than you run: one is down or cannot be reached. No data: studies get no answer.",
            "count(stepwedge_requests_in_progress)",
            unit="none",
            decimals=0,
            alert="StepwedgeGatewayGone",
        ),
        number(
            "Remedies that wait",
            "Proposals that an alarm made and nobody answered yet. Who decides: the model's owner, in the console or by the API.",
            "sum(max by (model, version, action) (stepwedge_remedies_open)) or 0 * count(stepwedge_model_info)",
            unit="none",
            decimals=0,
            steps=((None, "green"), (1, "orange")),
        ),
    ]


def _table() -> table.Panel:
    columns = [
        Column("State", STATE, words=WORDS),
        Column("Open alarms", f"{ALARMS} or 0 * {IN_SERVICE}", decimals=0, steps=((None, "text"), (1, "red"))),
        Column("Evidence", EVIDENCE, decimals=2, steps=LIMIT),
        Column("Beyond limit, 30 d", breached('window="30d"', *EACH), decimals=0),
        Column("Labels complete", COMPLETE, unit="percentunit", decimals=0),
        Column("Budget spent", once("stepwedge_alarm_budget_spent_ratio", "", *EACH), unit="percentunit", decimals=0),
        Column("Last pass", RUN_AGE, unit="s", steps=((None, "green"), (300, "orange"), (STALE_S, "red"))),
        Column("Judged until", f"time() - {once('stepwedge_judged_until_timestamp_seconds', '', *EACH)}", unit="s"),
        Column("Reference ended", f"time() - {once('stepwedge_reference_until_timestamp_seconds', '', *EACH)}", unit="s"),
        Column("Studies, 24 h", f"{IN_SERVICE} * on (model) group_left () {STUDIES}", unit="short", decimals=0),
    ]
    return listing(
        "Models",
        "One line each, the worst first: in alarm, then not watched, then evidence half way to an alarm (look), then well. Click a model. "
        "Budget spent: alarms of a year over those that the plan allows; far above 100 % without causes found means limits that do not fit.",
        columns,
        sort=("State", "Evidence"),
        height=14,
        leads=[Leads("model", "Open this model", uids.to(uids.MODEL, model=uids.CLICKED, version=uids.beside("version")))],
        alert="StepwedgeModelAlarm",
    )


def _courses() -> list[timeseries.Panel]:
    return [
        lines(
            "Evidence of the ten worst models",
            "Strongest series of each model; the red line at 1 opens an alarm. Several that rise together: a shared cause, such as a router or a PACS update.",
            [Query(strongest(10, "", *EACH), "{{model}} {{version}}")],
            width=12,
            limit=1,
            logarithmic=True,
            ends=(0.01, 10),
            alert="StepwedgeModelAlarm",
        ),
        lines(
            "Studies in an hour, by model",
            "Recorded answers. A line that falls to nothing: ask the PACS team whether it still sends.",
            [Query("sum by (model) (increase(stepwedge_requests_recorded_total[1h]))", "{{model}}")],
            unit="short",
            width=12,
            ends=(0, None),
        ),
    ]
