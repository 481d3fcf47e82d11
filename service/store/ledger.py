"""What the store holds of each model, for whoever checks the books."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from service.store.tables import labels, model_versions, predictions, refusals, submissions


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """Rows of one model version."""

    model: str
    version: str
    predictions: int
    labels: int


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """Rows of the whole store. submissions: predictions that some key leads to; that is every one, when the books balance."""

    predictions: int
    submissions: int
    refused: int
    failed: int


def ledger_counts(connection: Connection) -> LedgerCounts:
    """Count what was answered and what was not."""
    rows = connection.execute(select(refusals.c.outcome, func.count().label("of_outcome")).group_by(refusals.c.outcome))
    outcomes = {row.outcome: row.of_outcome for row in rows}
    return LedgerCounts(
        predictions=connection.scalar(select(func.count()).select_from(predictions)) or 0,
        submissions=connection.scalar(select(func.count(submissions.c.prediction.distinct()))) or 0,
        refused=outcomes.get("refused", 0),
        failed=outcomes.get("failed", 0),
    )


def model_counts(connection: Connection) -> list[ModelCounts]:
    """Count the predictions and labels of every model version."""
    of = model_versions.c.id
    answered = select(func.count()).select_from(predictions).where(predictions.c.model_version == of).scalar_subquery()
    stated = select(func.count()).select_from(labels).where(labels.c.model_version == of).scalar_subquery()
    query = select(model_versions.c.model, model_versions.c.version, answered, stated).order_by(model_versions.c.model, of)
    return [ModelCounts(*row) for row in connection.execute(query)]
