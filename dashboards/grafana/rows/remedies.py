"""What waits for a person, and what is on its way to whom."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana.panels import Column, Query, lines, listing
from dashboards.grafana.promql import MODELS, once

TITLE = "Remedies and deliveries"


def row() -> list[table.Panel | timeseries.Panel]:
    return [_waiting(), _stuck(), _in_part(), *_deliveries()]


def _waiting() -> table.Panel:
    return listing(
        "Remedies that wait for a person",
        "What an alarm asks for. investigate: look at the inputs first. rethreshold, recalibrate, retrain: the model's owner decides. Nothing changes by itself.",
        [
            Column("Waiting", once("stepwedge_remedies_open", MODELS, "model", "version", "action"), decimals=0),
        ],
        sort=("Waiting",),
        width=12,
        alert="StepwedgeRemedyUnanswered",
    )


def _stuck() -> table.Panel:
    return listing(
        "Retrainings that bring no challenger",
        "Handed over, and no new version came back in the time that the plan gives. Ask whoever trains; the steps of the remedy say what was tried.",
        [
            Column("Overdue", once("stepwedge_remedies_stuck", MODELS, "model", "version", "action"), decimals=0),
        ],
        sort=("Overdue",),
        width=12,
        alert="StepwedgeRetrainingStuck",
    )


def _in_part() -> table.Panel:
    return listing(
        "Challengers that answer in part",
        "1: the challenger named here answers the films of some patients or sites in place of the version in service. The page of its remedy says which, and ends it.",
        [
            Column("Answers in part", once("stepwedge_canary", MODELS, "model", "version", "challenger"), decimals=0),
        ],
        sort=("Answers in part",),
        width=24,
    )


def _deliveries() -> list[timeseries.Panel]:
    return [
        lines(
            "Remedy and retraining requests on their way",
            "waiting: the receiver has not taken them yet. given up: after a day of tries; somebody has to hand them over.",
            [
                Query(
                    'sum(max by (kind) (stepwedge_outbox_pending{kind="remedy"} or stepwedge_outbox_pending{kind="retraining"}))', "waiting"
                ),
                Query('sum(max by (kind) (stepwedge_outbox_dead{kind="remedy"} or stepwedge_outbox_dead{kind="retraining"}))', "given up"),
                Query(
                    'max(stepwedge_outbox_oldest_seconds{kind="remedy"} or stepwedge_outbox_oldest_seconds{kind="retraining"}) / 60',
                    "minutes that the oldest waits",
                ),
            ],
            unit="short",
            ends=(0, None),
            alert="StepwedgeRemedyWaiting",
        ),
        lines(
            "Reports on their way to the PACS",
            "waiting: the PACS has not taken them yet. given up: refused for a day, or no longer to be made. pushed: taken in an hour.",
            [
                Query('max(stepwedge_outbox_pending{kind="report"})', "waiting"),
                Query('max(stepwedge_outbox_dead{kind="report"})', "given up"),
                Query('max(stepwedge_outbox_oldest_seconds{kind="report"}) / 60', "minutes that the oldest waits"),
                Query("sum(increase(stepwedge_reports_pushed_total[1h]))", "pushed"),
                Query("sum(increase(stepwedge_report_tries_failed_total[1h]))", "failed tries"),
            ],
            unit="short",
            ends=(0, None),
            alert="StepwedgeReportWaiting",
        ),
        lines(
            "Ends of asynchronous requests on their way",
            "waiting: their receiver has not taken them yet. given up: after a day of tries; the answers are at /v1/requests/ID.",
            [
                Query('max(stepwedge_outbox_pending{kind="result"})', "waiting"),
                Query('max(stepwedge_outbox_dead{kind="result"})', "given up"),
                Query('max(stepwedge_outbox_oldest_seconds{kind="result"}) / 60', "minutes that the oldest waits"),
            ],
            unit="short",
            ends=(0, None),
            alert="StepwedgeResultUndelivered",
        ),
    ]
