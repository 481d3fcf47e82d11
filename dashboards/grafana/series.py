"""Panels of the series that can page: a rate, its reference, and the band in which it may wander."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana import uids
from dashboards.grafana.panels import LIMIT, Column, Leads, Query, lines, listing
from dashboards.grafana.promql import SERIES, once

SHOWN = 40
"""Rows of the table; a model has a few hundred series."""

LOW, HIGH = "band, low", "band, high"


def against_its_band(title: str, about: str, where: str, *, width: int = 12) -> timeseries.Panel:
    """One series over time; `where` chooses exactly one."""
    queries = [
        Query(once("stepwedge_series_rate", where), "rate, last 7 judged days"),
        Query(once("stepwedge_series_reference_rate", where), "reference"),
        Query(once("stepwedge_series_band_low", where), LOW),
        Query(once("stepwedge_series_band_high", where), HIGH),
    ]
    return lines(title, about, queries, unit="percentunit", width=width, interval=(LOW, HIGH), alert="StepwedgeModelAlarm")


def series_table(title: str, about: str, where: str, *, keep: tuple[str, ...] = uids.CHOSEN_MODEL) -> table.Panel:
    """The strongest series of now, with what they count; a click on a name draws it against its band. keep: variables that are chosen already."""
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
    choose = [Leads("series", "Draw this series", uids.to(uids.INPUTS, keep=keep, series=uids.CLICKED))]
    return listing(title, about, columns, sort=("Evidence",), height=10, leads=choose, alert="StepwedgeModelAlarm")
