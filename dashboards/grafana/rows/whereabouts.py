"""Which finding, which subgroup and which input of one model carry what is seen."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import table

from dashboards.grafana import uids
from dashboards.grafana.panels import LIMIT, Column, Leads, listing
from dashboards.grafana.promql import MODEL, breached, once

TITLE = "Which finding, which site, which input"
KEPT = uids.CHOSEN_MODEL


def row() -> list[table.Panel]:
    return [
        _by(
            "finding",
            "Findings",
            "Strongest evidence of each finding, and how many of its measurements are beyond their limits. Click one for calibration and performance.",
            Leads("finding", "Calibration and performance", uids.to(uids.CALIBRATION, keep=KEPT, finding=uids.CLICKED)),
        ),
        _by(
            "subgroup",
            "Sites and other subgroups",
            "all is every film together. A site alone at the top: look there first. Click one for its calibration and performance.",
            Leads("subgroup", "Calibration and performance", uids.to(uids.CALIBRATION, keep=KEPT, subgroup=uids.CLICKED)),
        ),
        _by(
            "feature",
            "Inputs",
            "Strongest evidence of each attribute and image statistic. Click one to see what moved, against the reference.",
            Leads("feature", "Inputs", uids.to(uids.INPUTS, keep=KEPT)),
        ),
    ]


def _by(label: str, title: str, about: str, lead: Leads) -> table.Panel:
    where = f'{MODEL},{label}!=""'
    measured: Sequence[Column] = (
        Column("Evidence", once("stepwedge_alarm_evidence", where, label), decimals=2, steps=LIMIT),
        Column("Beyond limit, 30 d", breached(f'{where},window="30d"', label), decimals=0, steps=((None, "text"), (1, "orange"))),
    )
    return listing(title, about, measured, sort=("Evidence",), width=8, height=10, leads=[lead], alert="StepwedgeModelAlarm")
