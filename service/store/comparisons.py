"""Comparisons: what was found when a challenger was held against the champion, each time that something had changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, func, insert, literal, select

from service.store.tables import comparisons, labels, predictions, shadow_predictions


@dataclass(frozen=True, slots=True)
class StoredComparison:
    """One comparison. decision: pass, fail or not yet. payload: all of it, as service/remedies/comparison.py writes it."""

    champion: int
    challenger: int
    made_at: datetime
    decision: str
    payload: Mapping[str, Any]


def add_comparison(connection: Connection, comparison: StoredComparison) -> None:
    """Store a comparison, unless the latest one of the two says the same."""
    latest = latest_comparison(connection, comparison.challenger)
    if latest is not None and (latest.champion, latest.payload) == (comparison.champion, comparison.payload):
        return
    values = {name: getattr(comparison, name) for name in StoredComparison.__slots__}
    connection.execute(insert(comparisons).values(**values))


def latest_comparison(connection: Connection, challenger: int) -> StoredComparison | None:
    """The latest comparison of a challenger; None where there is none yet."""
    columns = [column for column in comparisons.c if column.name != "id"]
    query = select(*columns).where(comparisons.c.challenger == challenger).order_by(comparisons.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else StoredComparison(**row._asdict())


def labelled_between(connection: Connection, model_version: int, low: UUID, high: UUID, most: int) -> list[UUID]:
    """Predictions of a version from the first id to before the last about which anybody said anything; the latest, where there are more than `most`."""
    mine = (labels.c.model_version == model_version) & (labels.c.prediction >= low) & (labels.c.prediction < high)
    query = select(labels.c.prediction).where(mine).distinct().order_by(labels.c.prediction.desc()).limit(most)
    return list(connection.scalars(query))


def shadowed_among(connection: Connection, model_version: int, among: list[UUID]) -> dict[UUID, tuple[list[float], float]]:
    """What a challenger said of these films: logits, and how many milliseconds it took."""
    table = shadow_predictions
    query = select(table.c.prediction, table.c.logits, table.c.duration_ms)
    rows = connection.execute(query.where(table.c.model_version == model_version, table.c.prediction == any_(literal(among, ARRAY(Uuid)))))
    return {prediction: (logits, duration) for prediction, logits, duration in rows}


def durations_among(connection: Connection, identifiers: list[UUID]) -> dict[UUID, float]:
    """How many milliseconds the champion took for each of these films, from its arrival to its scores."""
    query = select(predictions.c.id, predictions.c.duration_ms).where(predictions.c.id == any_(literal(identifiers, ARRAY(Uuid))))
    return {row.id: row.duration_ms for row in connection.execute(query)}


def sources_among(connection: Connection, identifiers: list[UUID]) -> dict[UUID, list[str]]:
    """Which sources have said anything of each of these films, in alphabetical order."""
    query = select(labels.c.prediction, func.array_agg(labels.c.source.distinct()))
    rows = connection.execute(query.where(labels.c.prediction == any_(literal(identifiers, ARRAY(Uuid)))).group_by(labels.c.prediction))
    return {prediction: sorted(sources) for prediction, sources in rows}
