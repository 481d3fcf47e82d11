"""Labels: statements of readers, kept for ever."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Row, select

from service.domain import Assessment, Label, Tier
from service.errors import UnknownPredictionError
from service.store.statements import Fate, Statement, Subject, state
from service.store.tables import labels


def add_labels(connection: Connection, stated: Sequence[Label]) -> int:
    """Store these statements in the caller's transaction and mark the hours of their predictions stale.

    Returns:
        How many were new: a statement sent twice is one.

    Raises:
        UnknownPredictionError: One of them is about no prediction that is stored; the caller's transaction must not be committed.
    """
    outcome = state(connection, [_statement(label) for label in stated], [label.received_at for label in stated], known=False)
    if any(fate is not Fate.STORED for fate in outcome.fates):
        raise UnknownPredictionError
    return outcome.added


def labels_of(connection: Connection, prediction: UUID) -> list[tuple[UUID, Label]]:
    """Every statement on a prediction with its id, earliest made first."""
    query = select(labels).where(labels.c.prediction == prediction)
    return [(row.id, _label(row)) for row in connection.execute(query.order_by(labels.c.made_at, labels.c.received_at, labels.c.id))]


def _statement(label: Label) -> Statement:
    return Statement(
        Subject(prediction=label.prediction),
        label.finding,
        label.value,
        label.source,
        label.tier,
        label.reader,
        label.made_at,
        label.assessment,
        label.asked,
        label.supersedes,
    )


def _label(row: Row[tuple[object, ...]]) -> Label:
    values = row._asdict()
    del values["id"], values["model_version"]
    assessment = values.pop("assessment")
    return Label(**values | {"tier": Tier(values["tier"]), "assessment": assessment and Assessment(assessment)})
