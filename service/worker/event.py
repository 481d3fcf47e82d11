"""Event: what an alarm says to the outside, as CloudEvents 1.0 JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isfinite
from uuid import UUID

from service.domain import Alarm, Carrier, ModelVersion
from service.store.remedies import Remedy

REMEDY_PROPOSED = "stepwedge.remedy.proposed"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def remedy_proposed(event: UUID, version: ModelVersion, alarm: Alarm, remedy: Remedy, alarms_per_year: float) -> bytes:
    """Say what moved, where, since when, how sure, and what is asked for. `event` is its id for as long as it is tried.

    Rates are shares (0 to 1); evidence is over its limit, so 1 is where an alarm opens; a carrier without rate and n counted too few patients to tell more; `alarms_per_year` is the number of
    false alarms that the model's manifest declares, over all of its series together.
    """
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(event),
            "source": f"/v1/models/{version.model}/versions/{version.version}",
            "type": REMEDY_PROPOSED,
            "subject": str(alarm.id),
            "time": _moment(alarm.opened_at),
            "datacontenttype": "application/json",
            "data": {
                "model": version.model,
                "version": version.version,
                "alarm": str(alarm.id),
                "kind": alarm.kind,
                "family": alarm.family,
                "cell": alarm.cell,
                "summary": alarm.summary,
                "since": _moment(alarm.since),
                "opened_at": _moment(alarm.opened_at),
                "evidence": _number(alarm.evidence),
                "alarms_per_year": alarms_per_year,
                "carriers": [_carrier(carrier) for carrier in alarm.carriers],
                "remedy": {"id": str(remedy.id), "action": remedy.action, "state": remedy.state},
            },
        },
        allow_nan=False,
        ensure_ascii=False,
    ).encode()


def _carrier(carrier: Carrier) -> dict[str, object]:
    return {
        "series": carrier.series,
        "family": carrier.family,
        "cell": carrier.cell,
        "feature": carrier.feature,
        "finding": carrier.finding,
        "bin": carrier.bin,
        "side": carrier.side,
        "reference_rate": _number(carrier.reference_rate),
        "rate": None if carrier.rate is None else _number(carrier.rate),
        "n": carrier.n,
        "evidence": _number(carrier.evidence),
    }


def _number(value: float) -> float | None:
    """JSON knows no NaN; a rate of no observations is unknown."""
    return value if isfinite(value) else None


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
