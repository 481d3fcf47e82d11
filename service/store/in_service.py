"""In service: every version in service with what is known of how it is watched, whether it was ever looked at or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Double, and_, func, select

from service.store.tables import alarms, canaries, model_versions, reference_versions, snapshots, tally_marks
from service.store.tallies import HOUR

YEAR = timedelta(days=365)
SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class InService:
    """One version in service.

    artifact: first digits of the SHA-256 of its weights.
    alarms_per_year: false alarms that its plan allows a year; None where the manifest leaves that to the default.
    alarms_last_year: alarms of the last 365 days, the true ones too.
    reference_until: end of the period that it is compared to; None without a reference.
    counted_until: closed hour up to which its rows are counted; None before the first run.
    hours_waiting: hours that are over and still have to be counted, or counted again because a late label came.
    challenger: version that answers a part of the films in its place; None where it answers alone.
    """

    model: str
    version: str
    artifact: str
    alarms_per_year: float | None
    alarms_last_year: int
    reference_until: datetime | None
    counted_until: datetime | None
    hours_waiting: int
    challenger: str | None


def versions_in_service(connection: Connection, at: datetime) -> Sequence[InService]:
    """Every version in service at this moment, by model."""
    mine = model_versions.c.id
    opened = select(func.count()).where(alarms.c.model_version == mine, alarms.c.opened_at > at - YEAR)
    over = tally_marks.c.hour <= at - 2 * HOUR
    waiting = select(func.count(tally_marks.c.hour.distinct())).where(tally_marks.c.model_version == mine, over)
    active = and_(reference_versions.c.model_version == mine, reference_versions.c.state == "active")
    rival = model_versions.alias("rival")
    partly = select(rival.c.version).join(canaries, canaries.c.version == rival.c.id)
    partly = partly.where(canaries.c.model == model_versions.c.model, canaries.c.ended_at.is_(None))
    query = (
        select(
            model_versions.c.model,
            model_versions.c.version,
            func.left(model_versions.c.artifact_sha256, SHOWN_DIGITS),
            model_versions.c.manifest["monitoring"]["alarms_per_year"].astext.cast(Double),
            opened.scalar_subquery(),
            reference_versions.c.until,
            snapshots.c.until,
            waiting.scalar_subquery(),
            partly.scalar_subquery(),
        )
        .outerjoin(reference_versions, active)
        .outerjoin(snapshots, snapshots.c.model_version == mine)
        .where(model_versions.c.state == "champion")
        .order_by(model_versions.c.model)
    )
    return [InService(*row) for row in connection.execute(query)]
