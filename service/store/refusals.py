"""Refusals: requests that got no prediction, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, insert

from service.domain import Refusal
from service.store.ids import uuid7
from service.store.tables import refusals


def record_refusals(connection: Connection, batch: Sequence[Refusal]) -> None:
    """Store these refusals."""
    if batch:
        connection.execute(insert(refusals), [{"id": uuid7(one.at), **asdict(one)} for one in batch])
