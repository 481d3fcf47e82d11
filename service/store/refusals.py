"""Refusals: requests that got no prediction, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from service.domain import Refusal
from service.store.documents import spelled
from service.store.tables import refusals

LONGEST = 200


def record_refusals(connection: Connection, batch: Sequence[Refusal]) -> None:
    """Store these refusals, each once. What the caller sent of himself is bounded: a refusal must not cost more than the request."""
    if batch:
        connection.execute(insert(refusals).on_conflict_do_nothing(), [_row(one) for one in batch])


def _row(refusal: Refusal) -> dict[str, object]:
    given = {name: spelled(getattr(refusal, name))[:LONGEST] for name in ("model", "site", "caller")}
    return {**asdict(refusal), **given}
