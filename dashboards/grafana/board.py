"""What every dashboard has: rows from top to bottom, links across, and marks for alarms and deployments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, Panel, VariableModel

from dashboards.grafana import uids
from dashboards.grafana.panels import DATASOURCE
from dashboards.grafana.promql import once

TAG = "stepwedge"
NEW_FOR = "15m"
"""How long a version counts as just deployed: wide enough to be seen on a dashboard of a quarter."""
REMEMBERED = "2h"
"""A worker that was away for less is not taken for a deployment when it comes back."""


class Row(Protocol):
    """A module of `rows`: its heading, and its panels from left to right."""

    TITLE: str

    def row(self) -> Sequence[Builder[Panel]]: ...


def board(
    uid: str,
    title: str,
    about: str,
    variables: Sequence[Builder[VariableModel]],
    rows: Sequence[Row],
    *,
    marks: str | None,
    since: str = "now-7d",
) -> dashboard.Dashboard:
    """Put rows together in the order in which a person on call asks. marks: matchers of the models whose alarms and deployments are drawn."""
    built = (
        dashboard.Dashboard(f"Stepwedge: {title}")
        .uid(uid)
        .tags([TAG])
        .description(about)
        .readonly()
        .time(since, "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .variables(list(variables))
    )
    for link in _across(uid):
        built = built.link(link)
    for annotation in () if marks is None else (_open_alarms(marks), _deployments(marks)):
        built = built.annotation(annotation)
    number = 0
    for row in rows:
        number += 1
        built = built.with_row(dashboard.Row(row.TITLE).id(number))
        for panel in row.row():
            number += 1
            built = built.with_panel(panel.id(number))  # type: ignore[attr-defined] # every builder of a panel has it
    return built


def _across(uid: str) -> list[dashboard.DashboardLink]:
    """To the fleet, to all others with what is chosen, and to the runbook."""
    fleet = (
        dashboard.DashboardLink("Fleet").type(DashboardLinkType.LINK).url(f"/d/{uids.FLEET}").icon("dashboard").keep_time(keep_time=True)
    )
    others = (
        dashboard.DashboardLink("Stepwedge")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )
    runbook = (
        dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).url(f"/d/{uids.RUNBOOK}").icon("doc").keep_time(keep_time=True)
    )
    return [*([] if uid == uids.FLEET else [fleet]), others, runbook]


def _open_alarms(where: str) -> dashboard.AnnotationQuery:
    """Each open alarm as a red region over all time panels."""
    shown = f"{once('stepwedge_alarm_open', where, 'model', 'kind', 'family', 'subgroup')} > 0"
    return _mark("Open alarms", "red", shown, "{{model}}: {{kind}} alarm in {{subgroup}}").tag_keys("family")


def _deployments(where: str) -> dashboard.AnnotationQuery:
    """Each change of the version in service as a blue region of a quarter of an hour."""
    now, before = (f"max by (model, version, artifact) ({one})" for one in _in_service(where))
    return _mark("Deployments", "blue", f"{now} unless {before}", "{{model}} {{version}} went into service").tag_keys("artifact")


def _in_service(where: str) -> tuple[str, str]:
    series = f"stepwedge_model_info{{{where}}}"
    return series, f"max_over_time({series}[{REMEMBERED}] offset {NEW_FOR})"


def _mark(name: str, color: str, expr: str, title: str) -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(enable=True)
        .icon_color(color)
        .target(prometheus.Dataquery().expr(expr).interval("5m").legend_format(title).range().ref_id("Anno"))
        .title_format(title)
    )
