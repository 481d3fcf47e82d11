"""The dashboard of one model: whether it is well, since when not, which finding, which site, and whether the service answers."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from dashboards.grafana import runbook
from dashboards.grafana.panels import DATASOURCE
from dashboards.grafana.promql import MODEL, once
from dashboards.grafana.rows import calibration, evidence, inputs, performance, scores, service, subgroups, well
from dashboards.grafana.variables import model_variables

UID = "stepwedge-model"
ROWS = (well, evidence, inputs, scores, calibration, performance, subgroups, service)


def model() -> dashboard.Dashboard:
    """All rows, top to bottom, in the order in which a person on call asks."""
    built = (
        dashboard.Dashboard("Stepwedge: model")
        .uid(UID)
        .tags(["stepwedge"])
        .description(
            "One model in production. Evidence pages; measurements are for reading. Start at the top left; every panel says what to do."
        )
        .readonly()
        .time("now-7d", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .variables(model_variables())
        .annotation(_open_alarms())
        .link(
            dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).url(f"/d/{runbook.UID}").icon("doc").keep_time(keep_time=True)
        )
    )
    number = 0
    for row in ROWS:
        number += 1
        built = built.with_row(dashboard.Row(row.TITLE).id(number))
        for panel in row.row():
            number += 1
            built = built.with_panel(panel.id(number))
    return built


def _open_alarms() -> dashboard.AnnotationQuery:
    """Each open alarm as a red region over all time panels."""
    shown = f"{once('stepwedge_alarm_open', MODEL, 'kind', 'family', 'subgroup')} > 0"
    return (
        dashboard.AnnotationQuery()
        .name("Open alarms")
        .datasource(DATASOURCE)
        .enable(enable=True)
        .icon_color("red")
        .target(prometheus.Dataquery().expr(shown).interval("5m").legend_format("{{kind}} alarm in {{subgroup}}").range().ref_id("Anno"))
        .title_format("{{kind}} alarm in {{subgroup}}")
        .tag_keys("family")
    )
