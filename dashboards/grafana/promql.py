"""Pieces of PromQL that the panels share."""

from __future__ import annotations

MODEL = 'model="$model",version="$version"'
"""The model version that is chosen at the top."""

FINDING = f'{MODEL},finding="$finding"'
"""One finding of it."""

CELL = f'{FINDING},subgroup="$subgroup"'
"""One finding of it in one subgroup."""

GATEWAY = 'model="$model"'
"""The gateway counts by model: which version answers is the registry's matter."""

MODELS = 'model=~"$model"'
"""The models that are chosen at the top, all of them unless somebody chose."""

PODS = 'instance=~"$instance"'
"""The processes that are chosen at the top, all of them unless somebody chose."""

SERIES = ("family", "series", "feature", "finding", "subgroup", "bin")
"""What names a series that can page."""

ALARM = ("model", "version", "kind", "family", "subgroup")
"""What names an alarm."""


def once(series: str, where: str, *by: str) -> str:
    """The series as any one replica exports it: all of them read the same run from the store.

    >>> once("stepwedge_alarm_open", MODEL, "kind", "subgroup")
    'max by (kind, subgroup) (stepwedge_alarm_open{model="$model",version="$version"})'
    >>> once("stepwedge_alarm_open", "", "model")
    'max by (model) (stepwedge_alarm_open)'
    """
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"max{grouping} ({series}{f'{{{where}}}' if where else ''})"


def strongest(count: int, where: str, *by: str) -> str:
    """The evidence of the series that came nearest to their limit, or furthest beyond it, in the range that is shown."""
    shown = once("stepwedge_alarm_evidence", where, *by)
    chosen = f"{{{where}}}" if where else ""
    peak = f"topk({count}, max by ({', '.join(by)}) (max_over_time(stepwedge_alarm_evidence{chosen}[$__range] @ end())))"
    return f"{shown} and {peak}"


def breached(where: str, *by: str) -> str:
    """How many measurements are beyond their limits, by these labels; 0 only where something was measured."""
    measured = once("stepwedge_measurement_verdict", where, *dict.fromkeys((*by, "measurement", "finding", "feature", "subgroup")))
    grouped = ", ".join(by)
    return f"count by ({grouped}) ({measured} == 1) or 0 * max by ({grouped}) (stepwedge_measurement_verdict{{{where}}})"
