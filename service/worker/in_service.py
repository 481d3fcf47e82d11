"""In service: what Prometheus is told of every version in service, whether it is watched or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from prometheus_client.metrics_core import Metric

from service.models.manifest import Monitoring
from service.store.in_service import InService
from service.worker.families import gauge

VERSION = ("model", "version")


def in_service_families(in_service: Sequence[InService]) -> Iterator[Metric]:
    """Name every version in service, what it is compared to, how far it is counted, and how much of its alarm budget is spent."""
    yield gauge(
        "stepwedge_model_info",
        "1 for the version of each model that is in service; artifact is the beginning of the SHA-256 of its weights.",
        (*VERSION, "artifact"),
        (((one.model, one.version, one.artifact), 1.0) for one in in_service),
    )
    yield gauge(
        "stepwedge_canary",
        "1 while a challenger answers a part of the films in place of the version in service, 0 while that answers alone.",
        (*VERSION, "challenger"),
        (((one.model, one.version, one.challenger or ""), float(one.challenger is not None)) for one in in_service),
    )
    columns: tuple[tuple[str, str, Callable[[InService], float | None]], ...] = (
        (
            "stepwedge_reference_until_timestamp_seconds",
            "End of the period that a version in service is compared to, in seconds since 1970; absent without a reference.",
            lambda one: _moment(one.reference_until),
        ),
        (
            "stepwedge_counted_until_timestamp_seconds",
            "Closed hour up to which the rows of a version in service are counted, in seconds since 1970; absent before the first run.",
            lambda one: _moment(one.counted_until),
        ),
        (
            "stepwedge_tallies_waiting",
            "Hours that are over and still have to be counted, or counted again because a label came late.",
            lambda one: float(one.hours_waiting),
        ),
        ("stepwedge_alarm_budget_per_year", "False alarms a year that the plan of a version in service allows.", allowed),
        (
            "stepwedge_alarm_budget_spent_ratio",
            "Alarms of the last 365 days, the true ones too, over the false alarms a year that the plan allows.",
            lambda one: one.alarms_last_year / allowed(one),
        ),
    )
    for name, text, value_of in columns:
        yield gauge(name, text, VERSION, (((one.model, one.version), value_of(one)) for one in in_service))


def allowed(one: InService) -> float:
    """False alarms that the plan allows a year."""
    return Monitoring().alarms_per_year if one.alarms_per_year is None else one.alarms_per_year


def _moment(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
