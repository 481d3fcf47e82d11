"""Which series leave their bands, since when, and how near they are to their limit."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import MODEL, once, strongest
from dashboards.grafana.series import series_table

TITLE = "Evidence"


def row() -> list[timeseries.Panel | table.Panel]:
    return [
        lines(
            "Evidence of each family against its limit",
            "The strongest series of each family; the red line at 1 opens an alarm. Evidence falls again by itself when the change passes.",
            [Query(once("stepwedge_alarm_evidence", MODEL, "family"), "{{family}}")],
            limit=1,
            logarithmic=True,
            ends=(0.01, 10),
            alert="StepwedgeModelAlarm",
        ),
        lines(
            "The ten strongest series",
            "Those that came nearest to the limit in the range shown. One that climbs steadily deserves a look before it pages.",
            [Query(strongest(10, MODEL, "series"), "{{series}}")],
            limit=1,
            logarithmic=True,
            ends=(0.01, 10),
            alert="StepwedgeModelAlarm",
        ),
        series_table(
            "Series, strongest first",
            "Rate of the last seven judged days beside the reference and its band. Click a series to draw it against its band.",
            MODEL,
        ),
    ]
