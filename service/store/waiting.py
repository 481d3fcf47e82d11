"""Waiting labels: statements whose film nobody has sent yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from service.store.label_tables import waiting_labels


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait, and since when the first of them."""

    count: int
    since: datetime | None


def count_waiting(connection: Connection) -> Mapping[str, Waiting]:
    """Statements that wait, by the model that they want; "", which is always told, where any model's film would do."""
    model = func.coalesce(waiting_labels.c.model, "")
    query = select(model, func.count(), func.min(waiting_labels.c.received_at)).group_by(model).order_by(model)
    return {"": Waiting(0, None)} | {name: Waiting(count, since) for name, count, since in connection.execute(query)}
