"""Whether the model is well, and whether anybody is looking."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, table

from dashboards.grafana.panels import LIMIT, Column, listing, number
from dashboards.grafana.promql import GATEWAY, MODEL, once

TITLE = "Is it well?"

ALARMS = f"sum({once('stepwedge_alarm_open', MODEL, 'kind', 'family', 'subgroup')}) or 0 * {once('stepwedge_run_age_seconds', MODEL)}"
"""0 only where a run says so: without the worker there is no figure, and no false comfort."""


def row() -> list[stat.Panel | table.Panel]:
    return [
        number(
            "Open alarms",
            "1 or more: read the table below, then the runbook. No data: the worker is not scraped, and nobody looks.",
            ALARMS,
            unit="none",
            steps=((None, "green"), (1, "red")),
            alert="StepwedgeModelAlarm",
        ),
        number(
            "Strongest evidence",
            "Of all series, relative to the limit: 1 opens an alarm. From 0.5 on, see which one in the tables below; nothing to do yet.",
            once("stepwedge_alarm_evidence", MODEL),
            unit="none",
            decimals=2,
            steps=LIMIT,
            alert="StepwedgeModelAlarm",
        ),
        number(
            "Last pass of the worker",
            "Age of every measured figure on this page. A pass is due every minute.",
            once("stepwedge_run_age_seconds", MODEL),
            unit="s",
            steps=((None, "green"), (300, "orange"), (900, "red")),
            alert="StepwedgeJudgementStale",
        ),
        number(
            "Judged until",
            "How long ago the last judged day ended. Days are judged whole, soon after midnight UTC: up to 24 hours are normal.",
            f"time() - {once('stepwedge_judged_until_timestamp_seconds', MODEL)}",
            unit="s",
            steps=((None, "green"), (25 * 3600, "orange"), (26 * 3600, "red")),
            alert="StepwedgeJudgementStale",
        ),
        number(
            "Labels complete",
            "Share of the studies old enough to have a label that have one, over 30 days; the finding with fewest. "
            "The lower, the later an alarm of calibration or performance. What is low is the site's choice; a fall is the runbook's matter.",
            f"min({once('stepwedge_label_completeness_ratio', MODEL, 'finding')})",
            unit="percentunit",
            decimals=0,
            alert="StepwedgeLabelDrought",
        ),
        number(
            "Studies in 24 hours",
            "Answered and recorded, all versions of the model. 0 on a working day: ask the PACS team whether it still sends.",
            f"sum(increase(stepwedge_requests_recorded_total{{{GATEWAY}}}[24h]))",
            unit="short",
            decimals=0,
        ),
        listing(
            "Alarms that are open",
            "Kind of shift, the subgroup in which it lives, and when the change is estimated to have begun. Empty is good, as long as the figures above are not.",
            [
                Column("Open", once("stepwedge_alarm_open", MODEL, "kind", "family", "subgroup"), steps=((None, "red"),)),
                Column(
                    "Since",
                    f"{once('stepwedge_alarm_since_timestamp_seconds', MODEL, 'kind', 'family', 'subgroup')} * 1000",
                    unit="dateTimeAsIso",
                ),
            ],
            sort=("Since",),
            width=10,
            height=6,
            alert="StepwedgeModelAlarm",
        ),
        listing(
            "Remedies that wait for a person",
            "What the alarm asks for. investigate: look at the inputs first. rethreshold, recalibrate, retrain: the model owner decides.",
            [Column("Waiting", once("stepwedge_remedies_open", MODEL, "action"))],
            sort=("Waiting",),
            width=7,
            height=6,
        ),
        listing(
            "Alarms since the version was registered",
            "By kind. Compare with the number of false alarms a year that model.toml declares (alarms_per_year).",
            [Column("Alarms", once("stepwedge_alarms_total", MODEL, "kind"))],
            sort=("Alarms",),
            width=7,
            height=6,
        ),
    ]
