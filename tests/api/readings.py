"""A model with a reference and some days of tallied, labelled films behind it, as a pass leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Engine

from detectors.batch import Batch
from detectors.reference import Reference
from detectors.tally import tally_cells
from service.store.day_tallies import save_day
from service.store.models import champion
from service.store.references import save_reference
from service.store.snapshots import save_snapshot
from tests.detectors.builders import make_reference, make_rows

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS, FILMS_A_DAY = 20, 100
END = MONDAY + timedelta(days=DAYS)


@cache
def reference() -> Reference:
    return make_reference(4000, 60)


def settle(engine: Engine, model: str = "chest", **changes: Any) -> Batch:
    """Put a reference and DAYS of films after it into the store, and return these films."""
    batch, masks = make_rows(DAYS * FILMS_A_DAY, seed=7, **changes)
    with engine.begin() as connection:
        version = champion(connection, model)
        stored = save_reference(
            connection, version.id, since=MONDAY - timedelta(days=60), until=MONDAY, built_at=MONDAY, payload=reference().to_bytes()
        )
        for day in range(DAYS):
            rows = np.arange(day * FILMS_A_DAY, (day + 1) * FILMS_A_DAY)
            sums = tally_cells(reference().schema, batch.select(rows), {cell: mask[rows] for cell, mask in masks.items()})
            tallied = {cell: (one.n, one.encode()) for cell, one in sums.items()}
            save_day(connection, stored.id, (MONDAY + timedelta(days=day)).date(), tallied)
        save_snapshot(connection, version.id, until=END, computed_at=END, payload={"reference": stored.id, "format": 0})
    return batch


def last_days(batch: Batch, days: int) -> tuple[list[float], list[float]]:
    """Scores and labels of the last so many days whose labels have come of age."""
    end = len(batch) - reference().plan.label_maturity_days * FILMS_A_DAY
    rows = slice(max(end - days * FILMS_A_DAY, 0), end)
    return batch.scores[rows, 0].tolist(), batch.labels[rows, 0].tolist()
