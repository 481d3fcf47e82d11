"""What can be chosen at the top of a dashboard, each kind once; a dashboard lists those that it uses."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from dashboards.grafana.panels import DATASOURCE
from dashboards.grafana.promql import MODEL, once

LABEL_VALUES, QUERY_RESULT = 1, 3
"""Kinds of variable queries, as Grafana's Prometheus editor numbers them."""
EVERY = "$__all"
VERDICT = f'stepwedge_measurement_verdict{{{MODEL},finding!=""}}'


def datasource() -> DatasourceVariable:
    """The Prometheus that is asked."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def model() -> QueryVariable:
    """One model in service, whether it is watched or not."""
    return _labels("model", "stepwedge_model_info", "model")


def version() -> QueryVariable:
    """One version of it; former ones too, as far as the time that is shown reaches."""
    return _labels("version", 'stepwedge_model_info{model="$model"}', "version", VariableSort.NATURAL_DESC)


def finding() -> QueryVariable:
    """One finding of the version."""
    return _labels("finding", VERDICT, "finding")


def subgroup() -> QueryVariable:
    """One subgroup of the version; all of them together unless somebody chose."""
    return _labels("subgroup", VERDICT, "subgroup").current(_option("all"))


def window() -> QueryVariable:
    """How many days a measurement looks back on."""
    return _labels("window", f"stepwedge_measurement_verdict{{{MODEL}}}", "window", VariableSort.NUMERICAL_ASC).current(_option("30d"))


def series() -> QueryVariable:
    """Series by evidence, strongest first, so that what is drawn before anybody chooses is what matters."""
    query = f"query_result(sort_desc({once('stepwedge_alarm_evidence', MODEL, 'series')}))"
    return _queried("series", query, QUERY_RESULT).regex('/series="([^"]+)"/').sort(VariableSort.DISABLED)


def models() -> QueryVariable:
    """Any number of models; all unless somebody chose."""
    return _several(_labels("model", "stepwedge_model_info", "model"))


def instances() -> QueryVariable:
    """Any number of gateways; all unless somebody chose."""
    return _several(_labels("instance", "stepwedge_requests_in_progress", "instance"))


def _several(variable: QueryVariable) -> QueryVariable:
    every = VariableOption(selected=True, text="All", value=EVERY)
    return variable.multi(multi=True).include_all(include_all=True).all_value(".*").current(every)


def _labels(name: str, series: str, label: str, sort: VariableSort = VariableSort.ALPHABETICAL_ASC) -> QueryVariable:
    return _queried(name, f"label_values({series}, {label})", LABEL_VALUES).sort(sort)


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
