"""Remedies with defaults: a model, its reference, an alarm, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine

from service.domain import Alarm
from service.store.alarms import open_alarm
from service.store.ids import uuid7
from service.store.models import find_version
from service.store.references import active_reference, save_reference
from service.store.remedies import Remedy, State, open_remedy
from tests.store.builders import AT, make_version


def make_alarm(version: int, reference: int, kind: str = "calibration", *, at: datetime = AT) -> Alarm:
    return Alarm(
        id=uuid4(),
        model_version=version,
        reference=reference,
        kind=kind,
        family="inputs" if kind in {"prevalence", "acquisition", "both"} else "truth",
        cell="all",
        opened_at=at,
        since=at,
        cleared_at=None,
        evidence=1.5,
        summary=f"{kind} shift in all",
    )


def make_remedy(
    engine: Engine, action: str = "recalibrate", *, kind: str = "calibration", plan: Mapping[str, Any] | None = None, at: datetime = AT
) -> Remedy:
    """A proposed remedy of an open alarm of `chest` 1."""
    with engine.connect() as connection:
        known = find_version(connection, "chest", "1")
    version = known or make_version(engine)
    with engine.begin() as connection:
        stored = active_reference(connection, version.id) or save_reference(
            connection, version.id, since=AT, until=AT, built_at=AT, payload=b"reference"
        )
        alarm = make_alarm(version.id, stored.id, kind, at=at)
        open_alarm(connection, alarm)
        remedy = Remedy(uuid7(at), alarm.id, action, State.PROPOSED, at, version.id, plan)
        assert open_remedy(connection, remedy)
    return remedy
