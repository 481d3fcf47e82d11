"""Panels of the series that can page: a rate, its reference, and the band in which it may wander."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.grafana.panels import LIMIT, Column, Query, lines, listing
from dashboards.grafana.promql import SERIES, once

SHOWN = 40
"""Rows of the table; a model has a few hundred series."""

LOW, HIGH = "band, low", "band, high"

KEPT = "&".join(f"${{{variable}:queryparam}}" for variable in ("datasource", "model", "version", "finding", "subgroup", "window"))
CHOOSE = "/d/stepwedge-model?${__url_time_range}&" + KEPT + "&var-series=${__value.raw:percentencode}"
"""The model dashboard as it stands, with another series chosen; names of series hold colons, spaces and whatever a device is called."""


def against_its_band(title: str, about: str, where: str, *, width: int = 12) -> timeseries.Panel:
    """One series over time; `where` chooses exactly one."""
    queries = [
        Query(once("stepwedge_series_rate", where), "rate, last 7 judged days"),
        Query(once("stepwedge_series_reference_rate", where), "reference"),
        Query(once("stepwedge_series_band_low", where), LOW),
        Query(once("stepwedge_series_band_high", where), HIGH),
    ]
    return lines(title, about, queries, unit="percentunit", width=width, interval=(LOW, HIGH), alert="StepwedgeModelAlarm")


def series_table(title: str, about: str, where: str) -> table.Panel:
    """The strongest series of now, with what they count; a click on a name chooses it for the whole dashboard."""
    leading = f"topk({SHOWN}, {once('stepwedge_alarm_evidence', where, *SERIES)})"
    columns = [
        Column("Evidence", leading, decimals=2, steps=LIMIT),
        *(
            Column(name, f"{once(series, where, *SERIES)} and {leading}", unit="percentunit", decimals=1)
            for name, series in (
                ("Rate", "stepwedge_series_rate"),
                ("Reference", "stepwedge_series_reference_rate"),
                ("Band from", "stepwedge_series_band_low"),
                ("Band to", "stepwedge_series_band_high"),
            )
        ),
    ]
    choose = [{"title": "Draw this series", "url": CHOOSE}]
    panel = listing(title, about, columns, sort="Evidence", height=10, alert="StepwedgeModelAlarm")
    return panel.override_by_name("series", [DynamicConfigValue("links", choose)])
