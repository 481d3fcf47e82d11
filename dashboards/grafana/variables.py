"""What can be chosen at the top of a dashboard."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import VariableModel, VariableOption, VariableRefresh, VariableSort

from dashboards.grafana.panels import DATASOURCE
from dashboards.grafana.promql import MODEL, once

LABEL_VALUES, QUERY_RESULT = 1, 3
"""Kinds of variable queries, as Grafana's Prometheus editor numbers them."""


def model_variables() -> list[Builder[VariableModel]]:
    """Data source, model, version, finding, subgroup, window and series; each depends on those before it."""
    finding = f'{MODEL},finding!=""'
    return [
        DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _labels("model", "stepwedge_run_age_seconds", "model"),
        _labels("version", 'stepwedge_run_age_seconds{model="$model"}', "version", VariableSort.NATURAL_DESC),
        _labels("finding", f"stepwedge_measurement_verdict{{{finding}}}", "finding"),
        _labels("subgroup", f"stepwedge_measurement_verdict{{{finding}}}", "subgroup").current(_option("all")),
        _labels("window", f"stepwedge_measurement_verdict{{{MODEL}}}", "window", VariableSort.NUMERICAL_ASC).current(_option("30d")),
        _strongest_series(),
    ]


def _labels(name: str, series: str, label: str, sort: VariableSort = VariableSort.ALPHABETICAL_ASC) -> QueryVariable:
    return _queried(name, f"label_values({series}, {label})", LABEL_VALUES).sort(sort)


def _strongest_series() -> QueryVariable:
    """Series by evidence, strongest first, so that what is drawn before anybody chooses is what matters."""
    query = f"query_result(sort_desc({once('stepwedge_alarm_evidence', MODEL, 'series')}))"
    return _queried("series", query, QUERY_RESULT).regex('/series="([^"]+)"/').sort(VariableSort.DISABLED)


def _queried(name: str, query: str, kind: int) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(name.capitalize())
        .datasource(DATASOURCE)
        .query({"qryType": kind, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def _option(value: str) -> VariableOption:
    return VariableOption(selected=True, text=value, value=value)
