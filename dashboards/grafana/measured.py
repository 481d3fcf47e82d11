"""Panels of measurements: a windowed estimate with its interval, its limit and its number of observations."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.grafana.panels import Column, Query, lines, listing
from dashboards.grafana.promql import CELL, FINDING, MODEL, once

LOW, HIGH, LIMIT = "95 % interval, low", "95 % interval, high", "limit"
WORDS = (("0", "within", "green"), ("1", "breached", "red"), ("-1", "too few", "orange"))
WINDOW = 'window="$window"'


def over_time(
    title: str,
    about: str,
    measurement: str,
    *,
    where: str = CELL,
    unit: str = "none",
    width: int = 6,
    ends: tuple[float | None, float | None] = (None, None),
) -> timeseries.Panel:
    """One measurement of the chosen finding, subgroup and window over time, a quarter of the width unless told otherwise."""
    chosen = f'{where},measurement="{measurement}",{WINDOW}'
    queries = [
        Query(once("stepwedge_measurement", chosen), measurement),
        Query(once("stepwedge_measurement_low", chosen), LOW),
        Query(once("stepwedge_measurement_high", chosen), HIGH),
        Query(once("stepwedge_measurement_limit", chosen), LIMIT),
    ]
    limit = [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "red"}), DynamicConfigValue("custom.lineStyle", {"fill": "dash"})]
    return lines(title, about, queries, unit=unit, width=width, interval=(LOW, HIGH), ends=ends).override_by_name(LIMIT, limit)


def against_limit(title: str, about: str, measurement: str, *, where: str, ends: tuple[float | None, float | None]) -> timeseries.Panel:
    """One measurement that has no interval, with the limit that it is read against, a quarter of the width."""
    chosen = f'{where},measurement="{measurement}",{WINDOW}'
    queries = [Query(once("stepwedge_measurement", chosen), measurement), Query(once("stepwedge_measurement_limit", chosen), LIMIT)]
    return lines(title, about, queries, width=6, ends=ends)


def observations(title: str, about: str, measurements: tuple[str, ...]) -> timeseries.Panel:
    """How many observations some measurements rest on, a quarter of the width."""
    chosen = f'{CELL},measurement=~"{"|".join(measurements)}",{WINDOW}'
    query = Query(once("stepwedge_measurement_observations", chosen, "measurement"), "{{measurement}}")
    return lines(title, about, [query], unit="short", width=6, ends=(0, None))


def by_subgroup(title: str, about: str, measurements: tuple[str, ...]) -> table.Panel:
    """Some measurements of the chosen finding and window, one line a subgroup."""
    return _verdicts(title, about, FINDING, measurements, "subgroup")


def gaps_by_subgroup(title: str, about: str, measurements: tuple[str, ...]) -> table.Panel:
    """How much worse each subgroup is served than everybody else, one line a finding and subgroup."""
    return _verdicts(title, about, MODEL, measurements, "finding", "subgroup")


def by_feature(title: str, about: str, measurements: tuple[str, ...], *, width: int) -> table.Panel:
    """Some measurements of the inputs, one line a feature."""
    return _verdicts(title, about, MODEL, measurements, "feature", width=width)


def _verdicts(title: str, about: str, where: str, measurements: tuple[str, ...], *each: str, width: int = 24) -> table.Panel:
    chosen, by = f'{where},measurement=~"{"|".join(measurements)}",{WINDOW}', ("measurement", *each)
    columns = [
        Column("Value", once("stepwedge_measurement", chosen, *by), decimals=3),
        Column("from", once("stepwedge_measurement_low", chosen, *by), decimals=3),
        Column("to", once("stepwedge_measurement_high", chosen, *by), decimals=3),
        Column("Limit", once("stepwedge_measurement_limit", chosen, *by), decimals=3),
        Column("n", once("stepwedge_measurement_observations", chosen, *by), unit="short", decimals=0),
        Column("Verdict", once("stepwedge_measurement_verdict", chosen, *by), words=WORDS),
    ]
    return listing(title, about, columns, sort=("Verdict", "n"), width=width, height=12)
