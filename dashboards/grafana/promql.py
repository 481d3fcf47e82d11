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

SERIES = ("family", "series", "feature", "finding", "subgroup", "bin")
"""What names a series that can page."""


def once(series: str, where: str, *by: str) -> str:
    """The series as any one replica exports it: all of them read the same run from the store.

    >>> once("stepwedge_alarm_open", MODEL, "kind", "subgroup")
    'max by (kind, subgroup) (stepwedge_alarm_open{model="$model",version="$version"})'
    """
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"max{grouping} ({series}{{{where}}})"


def strongest(count: int, where: str, *by: str) -> str:
    """The evidence of the series that came nearest to their limit, or furthest beyond it, in the range that is shown."""
    shown = once("stepwedge_alarm_evidence", where, *by)
    peak = f"topk({count}, max by ({', '.join(by)}) (max_over_time(stepwedge_alarm_evidence{{{where}}}[$__range] @ end())))"
    return f"{shown} and {peak}"
