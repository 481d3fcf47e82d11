"""Panels of measurements: a windowed estimate with its interval, its limit and its number of observations."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana.panels import Column, Query, lines, listing
from dashboards.grafana.promql import CELL, FINDING, once

LOW, HIGH = "95 % interval, low", "95 % interval, high"
WORDS = (("0", "within", "green"), ("1", "breached", "red"), ("-1", "too few", "orange"))


def over_time(
    title: str, about: str, measurement: str, *, unit: str = "none", width: int = 8, ends: tuple[float | None, float | None] = (None, None)
) -> timeseries.Panel:
    """One measurement of the chosen finding, subgroup and window over time."""
    where = f'{CELL},measurement="{measurement}",window="$window"'
    queries = [
        Query(once("stepwedge_measurement", where), measurement),
        Query(once("stepwedge_measurement_low", where), LOW),
        Query(once("stepwedge_measurement_high", where), HIGH),
    ]
    return lines(title, about, queries, unit=unit, width=width, interval=(LOW, HIGH), ends=ends)


def observations(title: str, about: str, measurements: tuple[str, ...], *, width: int = 8) -> timeseries.Panel:
    """How many observations some measurements rest on."""
    where = f'{CELL},measurement=~"{"|".join(measurements)}",window="$window"'
    return lines(
        title,
        about,
        [Query(once("stepwedge_measurement_observations", where, "measurement"), "{{measurement}}")],
        unit="short",
        width=width,
        ends=(0, None),
    )


def by_subgroup(title: str, about: str, measurements: tuple[str, ...]) -> table.Panel:
    """Some measurements of the chosen finding and window, one line a subgroup."""
    where = f'{FINDING},measurement=~"{"|".join(measurements)}",window="$window"'
    by = ("measurement", "subgroup")
    columns = [
        Column("Value", once("stepwedge_measurement", where, *by), decimals=3),
        Column("from", once("stepwedge_measurement_low", where, *by), decimals=3),
        Column("to", once("stepwedge_measurement_high", where, *by), decimals=3),
        Column("Limit", once("stepwedge_measurement_limit", where, *by), decimals=3),
        Column("n", once("stepwedge_measurement_observations", where, *by), unit="short", decimals=0),
        Column("Verdict", once("stepwedge_measurement_verdict", where, *by), words=WORDS),
    ]
    return listing(title, about, columns, sort="Verdict", height=12)
